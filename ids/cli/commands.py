"""The commands. Heavy modules are imported where they are needed."""

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ids.cli.outcome import reported
from ids.cli.saying import reasons, say_all
from ids.cli.selecting import printing_of, selection_of
from ids.core.errors import ConfigError
from ids.core.importing import lean_imports

if TYPE_CHECKING:
    from ids.results.selection import Selection


def run(args: argparse.Namespace, overrides: Sequence[str]) -> int:
    """`ids run`: every setting, then its table. Exit status."""
    from ids.config import entry

    overrides = [*overrides, *(["force=true"] if args.force else [])]
    if args.show:
        print(entry.show(overrides, args.config_dir))
        return 0
    prepared = entry.prepare(overrides, args.multirun, config_dirs=args.config_dir)
    say_all(prepared.notes)
    if not prepared.ready:
        say_all(reasons(prepared.refused, len(prepared.refused)))
        return 2
    total = len(prepared.ready) + len(prepared.refused)
    if args.dry_run:
        from ids.launch.dry_run import dry_run

        print("\n".join(dry_run(prepared)))
        say_all(reasons(prepared.refused, total))
        return 0
    say_all(reasons(prepared.refused, total))  # the others may take hours
    with lean_imports():
        from ids.launch import launch

    return reported(launch(prepared), args.baseline, args.wide, args.interval)


def table(args: argparse.Namespace, _: Sequence[str]) -> int:
    """`ids table`: means, differences and matched tables of a store. Exit status."""
    from ids.config.former_words import todays_columns
    from ids.report.show import Comparison, show_matched, show_tables
    from ids.results.knobs import parse_knobs
    from ids.results.methods import Question
    from ids.results.named_rows import parse_rows

    columns, column_notes = todays_columns(args.column or ())
    axis, axis_notes = todays_columns([args.axis] if args.axis else ())
    say_all([*column_notes, *axis_notes])
    chosen = selection_of(args, columns)
    if args.paper:
        return _paper(args, chosen)
    if args.matched:
        if args.by:
            raise ConfigError("--by: expected without --matched; got both; select with --tag TAG")
        if args.engine:
            raise ConfigError("--engine: expected without --matched, which shows no seconds")
        if args.tests:
            raise ConfigError("--tests: expected without --matched; got both; leave one out")
        if args.row:
            raise ConfigError("--row: expected without --matched; got both; leave one out")
        knobs = parse_knobs(args.knob or ())
        question = Question(axis[0] if axis else None, args.at or (), args.baseline, knobs)
        return show_matched(chosen, question, printing_of(args))
    if args.axis or args.at or args.knob:
        raise ConfigError("--axis, --at, --knob: expected together with --matched; add it")
    _check_difference(args)
    rows = parse_rows(args.row or ())
    tests, by_tag = (args.tests, args.difference), args.by == "tag"
    comparison = Comparison(args.baseline, args.interval, *tests, rows, by_tag)
    return show_tables(chosen, comparison, args.engine, printing_of(args))


def _paper(args: argparse.Namespace, chosen: "Selection") -> int:
    """`ids table --paper`. Exit status."""
    from ids.report.beside import show_paper

    if args.matched or args.tests or args.engine or args.write or args.by:
        raise ConfigError(
            "--paper: expected without --matched, --tests, --engine, --by and --write; leave them "
            "out"
        )
    return show_paper(chosen, printing_of(args))


def _check_difference(args: argparse.Namespace) -> None:
    """A difference has the unit of one column."""
    if args.difference is None:
        return
    if not args.tests or len(args.column or ()) != 1:
        raise ConfigError(
            "--difference: expected together with --tests and one --column, whose unit it has; "
            "add them"
        )
    if not 0 < abs(args.difference) < math.inf:
        raise ConfigError(
            f"--difference: expected a finite number other than 0; got {args.difference}; change it"
        )


def card(args: argparse.Namespace, _: Sequence[str]) -> int:
    """`ids card`: how the results of a store were made. Exit status."""
    from ids.report.show import show_cards

    return show_cards(selection_of(args), args.json, args.write)


def doctor(args: argparse.Namespace, _: Sequence[str]) -> int:
    """`ids doctor`: what this machine has, and what a configuration needs. Exit status."""
    words = args.what or ["machine"]
    if words == ["shapes"]:
        from ids.doctor.shapes import examine_shapes

        return examine_shapes()
    if words == ["shapes_wide"]:
        from ids.doctor.shapes_wide import examine_wide_shapes

        return examine_wide_shapes()
    if words == ["machine"]:
        from ids.doctor.machine import examine

        return examine()
    if wrong := [word for word in words if "=" not in word]:
        raise ConfigError(
            "ids doctor: expected machine, shapes, shapes_wide or words of `ids run`; got "
            f"{wrong[0]}; write group=option"
        )
    from ids.doctor.presets import examine_files

    return examine_files(words)
