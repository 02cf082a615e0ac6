"""From the words of the command line to an exit status, whatever happens in between."""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from ids.cli.saying import log_to_terminal, say
from ids.cli.stopping import Stop, stopping
from ids.core.errors import ConfigError, IdsError
from ids.core.unexpected import line, unexpected

BROKEN_PIPE = 128 + 13  # what a shell calls the end by SIGPIPE
GARBAGE = 10_000  # new objects between two collections: at Python's 700, a fifth of the start
# argparse reads words in front of the flags alone.
WORDS_BEHIND_FLAGS = ("run", "search", "edit", "data", "judge", "retry", "log")
MAKING_EDITS = ("run", "search", "edit", "retry")
HYDRA = ["-c", "--cfg", "--info", "--resolve", "-p", "--package", "-r", "--run", "--hydra-help"]
HYDRA += ["-cd", "-cp", "--config-path", "-cn", "--config-name"]
HYDRA += ["-sc", "--shell-completion", "--experimental-rerun"]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of the console script."""
    gc.set_threshold(GARBAGE)
    with stopping() as stop:
        status = _status(sys.argv[1:] if argv is None else argv, stop)
    sys.exit(status)


def _status(words: Sequence[str], stop: Stop) -> int:
    try:
        try:
            return _answer(words)
        finally:
            sys.stdout.flush()
    except SystemExit as end:  # raised by argparse, or by rich if its reader has gone
        gone = isinstance(end.__context__, BrokenPipeError)
        return _reader_gone() if gone else int(end.code or 0)
    except BrokenPipeError:
        return _reader_gone()
    except KeyboardInterrupt:
        return _stopped(stop, words)
    except IdsError as error:
        return _stopped(stop, words) if stop.number else _failed(error, error.exit_code)
    except Exception as error:  # one line, its traceback in a file
        return _stopped(stop, words) if stop.number else _failed(unexpected(error), 1)


def _answer(words: Sequence[str]) -> int:
    from ids.cli.completion import complete
    from ids.cli.parser import parser

    log_to_terminal()
    arguments = parser()
    complete(arguments)
    args, rest = arguments.parse_known_args(words)
    if rest and args.command not in WORDS_BEHIND_FLAGS:
        remedy = "; write --output-dir DIR" if rest[0].startswith("output_dir=") else ""
        command = f"ids {args.command}"
        raise ConfigError(
            f"{command}: unrecognized arguments: {' '.join(rest)}{remedy}; see `{command} --help`"
        )
    status: int = args.act(args, _overrides(args, rest))
    return status


def _overrides(args: argparse.Namespace, rest: Sequence[str]) -> list[str]:
    for word in rest:
        flag = word.partition("=")[0]
        if flag in HYDRA:
            raise ConfigError(
                f"{flag}: a flag of Hydra, not taken here; `ids run --show` prints the "
                "configuration, --config-dir DIR adds a folder of your own options"
            )
        if word.startswith("-"):
            remedy = "write output_dir=DIR, or " if flag == "--output-dir" else ""
            raise ConfigError(f"{word}: no such flag; {remedy}see `ids {args.command} --help`")
    overrides = [*getattr(args, "overrides", ()), *rest]
    for word in overrides if args.command != "judge" else ():  # whose words may be folders
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"{word}: expected group=option or key=value; see `ids run --help`")
    return overrides


def _failed(error: IdsError, status: int) -> int:
    say(line(error))
    return status


def _stopped(stop: Stop, words: Sequence[str]) -> int:
    kept = "; finished edits are kept, and the same command continues from there"
    say("stopped" + (kept if next(iter(words), "") in MAKING_EDITS else ""))
    return stop.status if stop.number else 130


def _reader_gone() -> int:
    """The reader of our output has gone: print nothing more, and leave nothing to flush."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE
