"""The commands, their flags, and their help."""

import argparse
from typing import NoReturn

from ids import __version__
from ids.cli import (
    claims,
    commands,
    comparing,
    completion,
    data,
    edit,
    extend,
    frontier,
    judge,
    log,
    report,
    results,
    search,
    status,
    tables,
    view,
)
from ids.cli.selecting import add_interval
from ids.core.errors import ConfigError

FORMAT = argparse.RawDescriptionHelpFormatter
MAIN = """text-guided editing by score distillation: SDS, DDS, CDS, PDS, IDS

  ids run experiments=demo           the demonstration: five methods, a table, a contact sheet
  ids run -m method=sds,dds,ids      a sweep; existing results are skipped
  ids edit photo.jpg --source "a cat" --target "a dog" --backbone sd15
  ids status                         how far runs are; `ids retry` repeats failed edits
  ids table                          every result so far, with intervals
  ids search experiments=search      the best trades between identity and prompt fidelity
  ids frontier                       identity over edit strength: areas, dominance, a figure
  ids report                         an HTML page: claims, tables, images side by side, curves
  ids view KEY                       an edited scene in the browser, through any camera
  ids claims                         which claims of the paper and of this project hold
  ids compare "ids" "dds"            paired differences, and the cases that differ most
  ids worst psnr_background          the worst edits of a metric; `ids show KEY`: one result
  ids card                           how they were made: versions, devices, weights, data
  ids log logger=wandb               send stored results to a tracker; also trackio
  ids results export edits.csv       the numbers for other programs; also list, show, rm, check
  ids data check pie dataset.path=PIE-Bench      every faulty row at once; also show
  ids judge DIR dataset=pie ...      numbers for images that other code made
  ids doctor                         what is installed, and where weights are looked for
  ids list method                    the options of a group, one line each
  ids new method my_rule             files for a rule of your own, to be edited
"""

RUN = """edit a data set: group=option picks a part, path.to.key=value sets a value

  ids run method=ids backbone=shapes dataset=shapes dataset.count=8
  ids run -m method=sds,dds,ids seeds=[0,1]
  ids run -m method=ids fpr.scale=0.3,1,3 fpr.n_iters=1,3
  ids run -m method=sds,dds,cds fpr=released,polyak      any rule, on refined noise
  ids run method=dds method.guidance_scale=3 method.n_steps=100
  ids run backbone=stable_diffusion backbone.path=/models/sd15 dataset=folder dataset.path=photos
  ids run +metric=lpips                        one metric more than the set has
  ids run --config-dir lab method=my_rule      options and modules of a folder of your own
  ids run method=ids --show                    print the whole configuration, run nothing
  ids run -m method=sds,dds,ids --dry-run      jobs, units, NFE, time and disk; run nothing
  ids run -m method=sds,dds,ids launch=devices       a worker per GPU; also slurm, ray
"""

EDIT = """edit one image

  ids edit photo.jpg --source "a photo of a cat" --target "a photo of a dog" --backbone sd15
  ids edit photo.jpg --source "a cat" --target "a pig" \\
      --backbone stable_diffusion backbone.path=/models/sd14
  ids edit scene.png --source "a plain red circle" --target "a plain blue circle" --backbone shapes
  ids edit photo.jpg --source "a photo of a cat" --target "a photo of a dog" --backbone sd15 \\
      --method p2p "dataset.blend=cat dog" dataset.weights=dog:2
"""

DOCTOR = """versions, device, weights: what is installed, what is missing, how to get it

  ids doctor                                   this machine, and each preset in one line
  ids doctor metrics=paper backbone=sd15       every file that `ids run` with these words reads
  ids doctor shapes                            the quality of the embedded networks
  ids doctor shapes_wide                       that of the wide ones
  HF_HOME=/data/huggingface ids doctor backbone=sd15       is the model in this cache?
"""


class _Parser(argparse.ArgumentParser):
    """Raises errors as `ConfigError`, in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise `ConfigError` instead of printing the usage."""
        raise ConfigError(f"{self.prog}: {message}; see `{self.prog} --help`")


def parser() -> argparse.ArgumentParser:
    """All commands; `act(args, overrides)` of what was parsed does the work."""
    main = _Parser(prog="ids", description=MAIN, formatter_class=FORMAT)
    main.add_argument("--version", action="version", version=f"ids {__version__}")
    verbs = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(
        verbs.add_parser(
            "run",
            help="edit a data set, or sweep",
            description=RUN,
            formatter_class=FORMAT,
            epilog=_words(),
        )
    )
    _add_edit(
        verbs.add_parser("edit", help="edit one image", description=EDIT, formatter_class=FORMAT)
    )
    status.add_parsers(verbs)
    tables.add_parsers(verbs)
    comparing.add_parsers(verbs)
    for module in (claims, frontier, report, view, search, judge, results, log, data):
        module.add_parser(verbs)
    extend.add_parsers(verbs)
    completion.add_parser(verbs)
    doctor = "check this machine"
    _add_doctor(verbs.add_parser("doctor", help=doctor, description=DOCTOR, formatter_class=FORMAT))
    return main


def _add_doctor(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument(
        "what",
        nargs="*",
        metavar="machine | shapes | shapes_wide | group=option ...",
        help="this machine (default), the embedded networks, or the files of a configuration",
    )
    doctor.set_defaults(act=commands.doctor)


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "-m", "--multirun", action="store_true", help="sweep over comma-separated values"
    )
    run.add_argument("--force", action="store_true", help="make existing edits again")
    run.add_argument(
        "--baseline",
        default="dds",
        help="what differences in the table are paired to: a method, and values it must have",
    )
    add_interval(run)
    run.add_argument("--wide", action="store_true", help="print all columns of the table")
    run.add_argument("--show", action="store_true", help="print the configuration and stop")
    run.add_argument(
        "--dry-run", action="store_true", help="print what there is to do, and its cost; do nothing"
    )
    extend.add_config_dir(run)
    _add_overrides(run, "group=option or key=value")
    run.set_defaults(act=commands.run)


def _add_edit(single: argparse.ArgumentParser) -> None:
    single.add_argument("image", help="an image file")
    single.add_argument("--source", required=True, metavar="PROMPT", help="what the image shows")
    single.add_argument("--target", required=True, metavar="PROMPT", help="what it should show")
    method = single.add_argument("--method", default="ids", help="see `ids list method`")
    method.completer = completion.complete_options("method")  # type: ignore[attr-defined]
    backbone = single.add_argument(
        "--backbone", help="sd14, sd15, sd21, stable_diffusion with backbone.path=..."
    )
    backbone.completer = completion.complete_options("backbone")  # type: ignore[attr-defined]
    single.add_argument(
        "--mask", metavar="FILE", help="an image, white where the edit belongs (for the metrics)"
    )
    single.add_argument(
        "--out",
        metavar="FILE",
        help="the result, at the size of the image: .png and .webp without loss, .jpg at quality "
        "95 (default: NAME.METHOD.TARGET-KEY.png beside the image)",
    )
    extend.add_config_dir(single)
    _add_overrides(single, "key=value, as in `ids run`")
    single.set_defaults(act=edit.edit)


def _add_overrides(parser: argparse.ArgumentParser, text: str) -> None:
    words = parser.add_argument("overrides", nargs="*", help=text)
    words.completer = completion.complete_words  # type: ignore[attr-defined]


def _words() -> str:
    """The options of every group, and the keys of none, read from the configuration files."""
    from ids.config.sources import GROUPS, find_sources, root_keys

    sources = find_sources()
    return "\n".join(
        [
            "groups (`ids list GROUP` describes their options):",
            *(f"  {group:12} {', '.join(sources.options(group))}" for group in GROUPS),
            "",
            "keys:",
            *(f"  {f'{key}={value}':19} {text}" for key, value, text in root_keys(sources)),
        ]
    )
