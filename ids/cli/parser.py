"""The words of the command line, and the help to them."""

import argparse
from typing import NoReturn

from ids import __version__
from ids.cli import commands, edit, results
from ids.core.errors import ConfigError

FORMAT = argparse.RawDescriptionHelpFormatter
GROUPS = (
    "method",
    "fpr",
    "inversion",
    "sites",
    "controls",
    "backbone",
    "dataset",
    "metrics",
    "clip",
    "logger",
    "engine",
    "debug",
    "experiments",
)

MAIN = """text-guided editing by score distillation: SDS, DDS, CDS, PDS, IDS

  ids run experiments=demo           the demonstration: five methods, a table, a contact sheet
  ids run -m method=sds,dds,ids      a sweep; what is there already is not made again
  ids edit photo.jpg --source "a cat" --target "a dog" --backbone sd15
  ids table                          every result so far, with intervals
  ids results export edits.csv       the numbers for other programs; also list, show, rm, check
  ids doctor                         what is installed, and where weights are looked for
"""

RUN = """edit a data set: group=option picks a part, path.to.key=value sets a value

  ids run method=ids backbone=shapes dataset=shapes dataset.count=8
  ids run -m method=sds,dds,ids seeds=[0,1]
  ids run -m method=ids fpr.scale=0.3,1,3 fpr.n_iters=1,3
  ids run -m method=sds,dds,cds fpr=released,polyak      any rule, on refined noise
  ids run method=dds method.guidance_scale=3 method.n_steps=100
  ids run backbone=stable_diffusion backbone.path=/models/sd15 dataset=folder dataset.path=photos
  ids run method=ids --show                    print the whole configuration, run nothing
"""

EDIT = """edit one image

  ids edit photo.jpg --source "a photo of a cat" --target "a photo of a dog" --backbone sd15
  ids edit photo.jpg --source "a cat" --target "a pig" \\
      --backbone stable_diffusion backbone.path=/models/sd14
  ids edit scene.png --source "a plain red circle" --target "a plain blue circle" --backbone shapes
  ids edit photo.jpg --source "a photo of a cat" --target "a photo of a dog" --backbone sd15 \\
      --method p2p "dataset.blend=cat dog" dataset.weights=dog:2
"""

TABLE = """print what is in the store: means with 95 % intervals, differences paired to a baseline

  ids table
  ids table --dataset shapes-dev --baseline dds
  ids table --tag shape --where guidance_scale=3       only these cases, only these settings
  ids table --matched                          at equal strength: success 0.8, 0.9, 0.95
  ids table --matched --axis strength --at 0.4 at equal distance in latent space
  ids table --matched --baseline "ids fpr.n_iters=1"   is N=3 better than N=1?
  ids table --write                            also into outputs/tables, with curves as an image
"""

DOCTOR = """versions, device, weights: what is here, what is missing, what to do about it

  ids doctor
  ids doctor shapes                            how good are the embedded networks?
  HF_HOME=/data/huggingface ids doctor         is the model I need in this cache?
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as everything else here does, in one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.prog}: {message}; see `{self.prog} --help`")


def parser() -> argparse.ArgumentParser:
    """All commands; `act(args, overrides)` of what was parsed does the work."""
    main = _Parser(prog="ids", description=MAIN, formatter_class=FORMAT)
    main.add_argument("--version", action="version", version=f"ids {__version__}")
    verbs = main.add_subparsers(
        dest="command", required=True, metavar="{run,edit,table,results,doctor}"
    )
    _add_run(verbs.add_parser("run", description=RUN, formatter_class=FORMAT, epilog=_groups()))
    _add_edit(verbs.add_parser("edit", description=EDIT, formatter_class=FORMAT))
    _add_table(verbs.add_parser("table", description=TABLE, formatter_class=FORMAT))
    results.add_parser(verbs)
    doctor = verbs.add_parser("doctor", description=DOCTOR, formatter_class=FORMAT)
    doctor.add_argument(
        "what", nargs="?", choices=("machine", "shapes"), default="machine", help="what to examine"
    )
    doctor.set_defaults(act=commands.doctor)
    return main


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
    run.add_argument("--wide", action="store_true", help="print all columns of the table")
    run.add_argument("--show", action="store_true", help="print the configuration and stop")
    run.add_argument("overrides", nargs="*", help="group=option or key=value")
    run.set_defaults(act=commands.run)


def _add_edit(single: argparse.ArgumentParser) -> None:
    single.add_argument("image")
    single.add_argument("--source", required=True, metavar="PROMPT", help="what the image shows")
    single.add_argument("--target", required=True, metavar="PROMPT", help="what it should show")
    single.add_argument("--method", default="ids")
    single.add_argument(
        "--backbone", help="sd14, sd15, sd21, stable_diffusion with backbone.path=..."
    )
    single.add_argument(
        "--mask", metavar="FILE", help="an image, white where the edit belongs (for the metrics)"
    )
    single.add_argument(
        "--out",
        metavar="FILE",
        help="the result, at the size of the image: .png and .webp without loss, .jpg at quality "
        "95 (default: NAME.METHOD.TARGET-KEY.png beside the image)",
    )
    single.add_argument("overrides", nargs="*", help="key=value, as in `ids run`")
    single.set_defaults(act=edit.edit)


def _add_table(table: argparse.ArgumentParser) -> None:
    results.add_selection(table)
    table.add_argument("--column", action="append", help="only this column (repeatable)")
    table.add_argument(
        "--baseline",
        default="dds",
        help="what differences are paired to: a method, and values it must have",
    )
    table.add_argument(
        "--matched", action="store_true", help="compare at equal strength, along the steps"
    )
    table.add_argument("--axis", help="the metric that measures strength (with --matched)")
    table.add_argument("--at", type=float, action="append", help="a level of it (repeatable)")
    table.add_argument(
        "--engine", help="only measurements of this engine (a folder of outputs/measurements)"
    )
    table.add_argument("--wide", action="store_true", help="print all columns")
    table.add_argument(
        "--write",
        action="store_true",
        help="also write all columns as Markdown, LaTeX, HTML, CSV and JSON, and curves",
    )
    table.set_defaults(act=commands.table)


def _groups() -> str:
    """The options of every group, read off the folders."""
    from ids.config.paths import options

    return "\n".join(
        ["groups:", *(f"  {group:12} {', '.join(options(group))}" for group in GROUPS)]
    )
