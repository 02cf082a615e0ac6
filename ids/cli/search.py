"""The `ids search` command."""

import argparse
import shlex
from collections.abc import Sequence
from typing import Any

from ids.cli import completion, extend
from ids.cli.saying import say_all
from ids.core.errors import ConfigError

FORMAT = argparse.RawDescriptionHelpFormatter
SEARCH = """search the settings with the best trade between identity and prompt fidelity

  ids search experiments=search --trials 20 --test "dataset.split=test"
  ids search method=ids 'method.guidance_scale=interval(2,10)' \\
      'fpr.scale=tag(log,interval(0.01,1))' 'fpr.n_iters=choice(1,3)' --trials 40
  ids search method=sdedit 'method.strength=interval(0.1,0.9)' --sampler nsga2 --seed 1
  ids search method=dds 'method.optimizer.lr=tag(log,interval(0.05,2))' dataset.count=48 \\
      --prune 12 --looks 0.25
  ids search 'method=choice(dds,ids)' 'method.n_steps=int(interval(50,200))' launch=devices

Every trial is a setting of `ids run`; existing results are reused. The same command continues where
it was stopped, and may run in several terminals at once. Choose with cases for development; report
what --test prints.
"""


def add_parser(commands: Any) -> None:
    """Add `search`."""
    search = commands.add_parser(
        "search",
        help="the best trades between identity and fidelity",
        description=SEARCH,
        formatter_class=FORMAT,
    )
    flags: tuple[tuple[str, str, str], ...] = (
        ("--identity", "psnr_background", "metric of what stays: psnr_background, lpips_alex, ..."),
        ("--fidelity", "success", "metric of what changes: success, clip_score, ..."),
        ("--sampler", "tpe", "how values are sampled: tpe (default), nsga2"),
    )
    for flag, default, text in flags:
        search.add_argument(flag, default=default, metavar="NAME", help=text)
    search.add_argument("--trials", type=int, default=20, help="in total (default: 20)")
    search.add_argument(
        "--prune",
        type=int,
        default=0,
        metavar="N",
        help="give up a trial that is worse in both on N cases (default: 0, never)",
    )
    search.add_argument(
        "--looks",
        type=_shares,
        default=(),
        metavar="SHARES",
        help="with --prune: look after these shares of the steps as well, such as 0.25,0.5",
    )
    search.add_argument("--seed", type=int, default=0, help="of the sampler")
    search.add_argument(
        "--test",
        default="",
        metavar="WORDS",
        help='evaluate the Pareto set on held-out cases: "dataset.split=test limit=48"',
    )
    search.add_argument("--wide", action="store_true", help="print all columns")
    extend.add_config_dir(search)
    words = search.add_argument("overrides", nargs="*", help="as in `ids run`, with intervals")
    words.completer = completion.complete_words
    search.set_defaults(act=_search)


def _search(args: argparse.Namespace, overrides: Sequence[str]) -> int:
    from ids.report.console import say
    from ids.search import Request, open_search
    from ids.search.report import report_search

    request = Request(
        overrides,
        args.identity,
        args.fidelity,
        args.trials,
        args.sampler,
        args.seed,
        _test_words(args.test),
        args.config_dir,
        args.prune,
        args.looks,
    )
    search = open_search(request)
    say_all(search.notes)
    return report_search(search, search.run(say), args.wide)


def _shares(text: str) -> tuple[float, ...]:
    """Numbers between commas; `ValueError`, which the parser answers, for other text."""
    return tuple(float(part) for part in text.split(","))


def _test_words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"--test: expected words; {error}; close the quotes") from error
    for word in words:
        if "=" not in word:
            raise ConfigError(f"--test {word}: expected key=value; write dataset.split=test")
    return words
