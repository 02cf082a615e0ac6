"""The `ids` command. Thin: words in, one line out when something is wrong, and nothing heavy
imported to say `--help`.
"""

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from ids import __version__, results_command
from ids.core.errors import ConfigError, IdsError

FORMAT = argparse.RawDescriptionHelpFormatter
GROUPS = (
    "method",
    "fpr",
    "inversion",
    "sites",
    "references",
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

EDIT = """edit one picture

  ids edit photo.jpg --source "a photo of a cat" --target "a photo of a dog" --backbone sd15
  ids edit photo.jpg --source "a cat" --target "a pig" \\
      --backbone stable_diffusion backbone.path=/models/sd14
  ids edit scene.png --source "a plain red circle" --target "a plain blue circle" method.n_steps=100
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
  ids table --write                            also into outputs/tables, with curves as a picture
"""

DOCTOR = """versions, device, weights: what is here, what is missing, what to do about it

  ids doctor
  ids doctor shapes                            how good are the embedded networks?
  HF_HOME=/data/huggingface ids doctor         is the model I need in this cache?
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    args, rest = _parser().parse_known_args(argv)
    if rest and args.command not in ("run", "edit"):
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    os.environ.setdefault(
        "HYDRA_FULL_ERROR", "1"
    )  # Hydra hands errors on, so that they are told here
    try:
        sys.exit(args.act(args, rest))
    except IdsError as error:
        _say(f"{type(error).__name__}: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("stopped; finished edits are kept, and the same command goes on from there")
        sys.exit(130)
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _say(
                f"{error.filename or 'disk'}: no space left; free some, then the same command again"
            )
        else:
            _say(
                f"unexpected {type(error).__name__}: {error}; IDS_DEBUG=1 shows where it came from"
            )
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ids", description=MAIN, formatter_class=FORMAT)
    parser.add_argument("--version", action="version", version=f"ids {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="{run,edit,table,results,doctor}"
    )

    run = commands.add_parser("run", description=RUN, formatter_class=FORMAT, epilog=_groups())
    run.add_argument(
        "-m", "--multirun", action="store_true", help="sweep over comma-separated values"
    )
    run.add_argument("--show", action="store_true", help="print the configuration and stop")
    run.add_argument("overrides", nargs="*", help="group=option or key=value")
    run.set_defaults(act=_run)

    edit = commands.add_parser("edit", description=EDIT, formatter_class=FORMAT)
    edit.add_argument("picture", type=Path)
    edit.add_argument("--source", required=True, metavar="PROMPT", help="what the picture shows")
    edit.add_argument("--target", required=True, metavar="PROMPT", help="what it should show")
    edit.add_argument("--method", default="ids")
    edit.add_argument("--backbone", default="shapes")
    edit.add_argument(
        "--mask", type=Path, help="a picture, white where the edit belongs (for the metrics)"
    )
    edit.add_argument("--out", type=Path, help="where to put the result (default: NAME.METHOD.png)")
    edit.add_argument("overrides", nargs="*", help="key=value, as in `ids run`")
    edit.set_defaults(act=_edit)

    results_command.add_parser(commands)

    table = commands.add_parser("table", description=TABLE, formatter_class=FORMAT)
    table.add_argument("--output-dir", type=Path, default=Path("outputs"))
    table.add_argument("--dataset", default="", help="only data sets whose name starts so")
    table.add_argument("--method", action="append", help="only this method (may be given again)")
    table.add_argument("--tag", default="", help="only cases with this tag")
    table.add_argument(
        "--where",
        action="append",
        metavar="KEY=VALUE",
        help="only settings with this value (may be given again)",
    )
    table.add_argument("--column", action="append", help="only this column (may be given again)")
    table.add_argument(
        "--baseline",
        default="dds",
        help="what differences are paired to: a method, and values it must have",
    )
    table.add_argument(
        "--matched", action="store_true", help="compare at equal strength, along the steps"
    )
    table.add_argument("--axis", help="the metric that measures strength (with --matched)")
    table.add_argument(
        "--at", type=float, action="append", help="a level of it (may be given again)"
    )
    table.add_argument(
        "--engine", help="only measurements of this engine (a folder of outputs/measurements)"
    )
    table.add_argument("--write", action="store_true", help="also write Markdown, CSV and curves")
    table.set_defaults(act=_table)

    doctor = commands.add_parser("doctor", description=DOCTOR, formatter_class=FORMAT)
    doctor.add_argument(
        "what", nargs="?", choices=("machine", "shapes"), default="machine", help="what to examine"
    )
    doctor.set_defaults(act=_doctor)
    return parser


def _run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    from ids.config import entry

    overrides = _overrides(args.overrides, rest)
    if args.show:
        print(entry.show(overrides))
        return 0
    launched = entry.run(overrides, args.multirun)

    from ids.report.after_run import report

    return report(launched.folder, launched.output_dir, launched.cases())


def _edit(args: argparse.Namespace, rest: Sequence[str]) -> int:
    from ids.config import entry

    values = {"path": str(args.picture), "prompt_src": args.source, "prompt_trg": args.target}
    values |= {"mask": str(args.mask)} if args.mask else {}
    single = [f"dataset.{key}={_quoted(value)}" for key, value in values.items()]
    chosen = ["dataset=single", f"method={args.method}", f"backbone={args.backbone}", *single]
    launched = entry.run([*chosen, *_overrides(args.overrides, rest)], multirun=False)

    from ids.report.after_run import hand_over, report

    out = args.out or Path(f"{args.picture.stem}.{args.method}.png")
    hand_over(launched.folder, launched.output_dir, out)
    status = report(launched.folder, launched.output_dir, launched.cases())
    print(f"edited picture: {out}")
    return status


def _table(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.matched import Question
    from ids.report.show import Selection, show_matched, show_tables

    chosen = Selection(
        args.output_dir,
        args.dataset,
        args.method or (),
        args.tag,
        args.where or (),
        args.column or (),
    )
    if args.matched:
        if args.engine:
            raise ConfigError("--engine: expected without --matched, which shows no seconds")
        question = Question(args.axis, args.at or (), args.baseline)
        return show_matched(chosen, question, args.write)
    if args.axis or args.at:
        raise ConfigError("--axis, --at: expected together with --matched; add it")
    return show_tables(chosen, args.baseline, args.engine, args.write)


def _doctor(args: argparse.Namespace, _: Sequence[str]) -> int:
    if args.what == "shapes":
        from ids.doctor.shapes import examine_shapes

        return examine_shapes()
    from ids.doctor.machine import examine

    return examine()


def _overrides(known: Sequence[str], rest: Sequence[str]) -> list[str]:
    for word in rest:
        if word.startswith("-"):
            raise ConfigError(f"{word}: no such flag; see `ids run --help`")
    overrides = [*known, *rest]
    for word in overrides:
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"{word}: expected group=option or key=value; see `ids run --help`")
    return overrides


def _quoted(value: str) -> str:
    """A value that Hydra's grammar takes literally."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'") if "'" in value else value
    return f"'{escaped}'"


def _groups() -> str:
    """The options of every group, read off the folders."""
    from ids.config.paths import options

    return "\n".join(
        ["groups:", *(f"  {group:12} {', '.join(options(group))}" for group in GROUPS)]
    )


def _say(message: str) -> None:
    if os.environ.get("IDS_DEBUG"):
        traceback.print_exc()
    print(f"ids: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
