"""What each command does; whatever is heavy is imported where it is needed."""

import argparse
from collections.abc import Sequence

from ids.cli.outcome import reported
from ids.cli.saying import reasons, say_all
from ids.core.errors import ConfigError


def run(args: argparse.Namespace, overrides: Sequence[str]) -> int:
    from ids.config import entry

    overrides = [*overrides, *(["force=true"] if args.force else [])]
    if args.show:
        print(entry.show(overrides))
        return 0
    prepared = entry.prepare(overrides, args.multirun)
    say_all(prepared.notes)
    if not prepared.ready:
        say_all(reasons(prepared.refused, len(prepared.refused)))
        return 2
    return reported(entry.launch(prepared), args.baseline, args.wide)


def table(args: argparse.Namespace, _: Sequence[str]) -> int:
    from ids.report.show import show_matched, show_tables
    from ids.results.matched import Question
    from ids.results.selection import Selection

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
        return show_matched(chosen, question, args.write, args.wide)
    if args.axis or args.at:
        raise ConfigError("--axis, --at: expected together with --matched; add it")
    return show_tables(chosen, args.baseline, args.engine, args.write, args.wide)


def doctor(args: argparse.Namespace, _: Sequence[str]) -> int:
    if args.what == "shapes":
        from ids.doctor.shapes import examine_shapes

        return examine_shapes()
    from ids.doctor.machine import examine

    return examine()
