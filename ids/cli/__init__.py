"""The `ids` command: parsing, messages, exit status. Nothing heavy is imported for `--help`."""

from ids.cli.entry import main

__all__ = ["main"]
