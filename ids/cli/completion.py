"""Tab completion of commands, flags, options and keys, by the argcomplete package."""

import argparse
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ids.core.errors import IdsError

FORMAT = argparse.RawDescriptionHelpFormatter
COMPLETION = """print a script that completes commands, flags, group=option and keys on TAB

  eval "$(ids completion bash)"                                 in ~/.bashrc
  eval "$(ids completion zsh)"                                  in ~/.zshrc, after compinit
  ids completion fish > ~/.config/fish/completions/ids.fish
"""


def add_parser(commands: Any) -> None:
    """Add `completion`."""
    completion = commands.add_parser(
        "completion", help="tab completion", description=COMPLETION, formatter_class=FORMAT
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    completion.set_defaults(act=_script)


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell, and exit, if it asks for completions."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)


def complete_words(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Overrides that begin with `prefix`: `group=option`, `key=`."""
    from ids.config.compose import known_keys
    from ids.config.sources import GROUPS, find_sources

    try:
        sources = find_sources(getattr(parsed_args, "config_dir", None) or [])
        key, equals, value = prefix.partition("=")
        if equals:
            return _options(key, value, sources.options(key.lstrip("+")))
        if "." in key:
            typed = [word for word in parsed_args.overrides or [] if "=" in word]
            return [f"{key}=" for key in known_keys(typed, sources)]
        groups = [f"{group}=" for group in GROUPS if group != "metric"]
        return [*groups, *(f"{group}." for group in GROUPS), *root_words(), "+metric="]
    except IdsError:
        return []


def complete_launch(prefix: str, parsed_args: argparse.Namespace, **more: Any) -> list[str]:
    """The same for the launcher alone."""
    words = complete_words(prefix, parsed_args, **more)
    return [word for word in words if word.startswith("launch")]


def complete_logger(prefix: str, parsed_args: argparse.Namespace, **more: Any) -> list[str]:
    """The same for loggers alone."""
    words = complete_words(prefix, parsed_args, **more)
    return [word for word in words if word.startswith("logger")]


def complete_options(group: str) -> Any:
    """A completer for a flag that takes an option of a group."""

    def completer(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
        from ids.config.sources import find_sources

        return find_sources(getattr(parsed_args, "config_dir", None) or []).options(group)

    return completer


def root_words() -> list[str]:
    """`seeds=`, `limit=`, ...: the keys that belong to no group."""
    from ids.config.sources import find_sources, root_keys

    return [f"{key}=" for key, _, _ in root_keys(find_sources())]


def _options(key: str, value: str, options: Iterable[str]) -> list[str]:
    """After the last comma of a sweep."""
    before, comma, _ = value.rpartition(",")
    return [f"{key}={before}{comma}{option}" for option in options]


def _script(args: argparse.Namespace, _: Sequence[str]) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["ids"], shell=args.shell))
    return 0
