"""`ids log`: stored results to a tracker."""

import argparse
from collections.abc import Sequence
from typing import Any

from ids.cli import completion
from ids.cli.saying import say
from ids.cli.selecting import add_selection, selection_of
from ids.core.text import counted

FORMAT = argparse.RawDescriptionHelpFormatter
LOG = """send stored results to a tracker; no edit is made, and nothing is sent twice

  ids log                                      everything that the default loggers lack
  ids log logger=wandb logger.wandb.project=paper
  ids log logger=trackio --dataset shapes-dev --method ids
  ids log logger=wandb logger.wandb.mode=offline --output-dir sweep

Runs are those of `ids run`: a setting that was logged is continued. At the end: the commands that
upload offline runs.
"""


def add_parser(commands: Any) -> None:
    """Add `log`."""
    parser = commands.add_parser(
        "log", help="send stored results to a tracker", description=LOG, formatter_class=FORMAT
    )
    add_selection(parser)
    words = parser.add_argument("overrides", nargs="*", metavar="logger=... | logger.key=value")
    words.completer = completion.complete_logger
    parser.set_defaults(act=_log)


def _log(args: argparse.Namespace, words: Sequence[str]) -> int:
    from ids.launch.stored import find_loggers, origins
    from ids.results.catalog import open_store, read_catalog
    from ids.track.stored import log_stored

    chosen, store = selection_of(args), open_store(args.output_dir)
    loggers = {n: one for n, one in find_loggers(words, args.output_dir).items() if one.destination}
    if not loggers:
        say("nothing to send: no logger is on; choose one with logger=wandb")
        return 0
    if not (groups := chosen.groups(read_catalog(store))):
        say(f"{args.output_dir}: no such results")
        return 0
    known = origins(args.output_dir)
    try:
        for name, logger in loggers.items():
            for one in log_stored(groups, store, logger, known):
                what = f"{one.new} of {counted(one.edits, 'edit')} sent"
                if one.busy:
                    what = "left to the command that is logging it"
                print(f"{name}: {one.label} ({one.dataset}): {what}")
            for command in logger.uploads():
                print(f"  {command}")
    finally:
        store.close()
    return 0
