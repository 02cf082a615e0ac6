"""The `ids` command. Thin: words in, one line out when something is wrong, and nothing heavy
imported to say `--help`.
"""

from ids.cli.entry import main

__all__ = ["main"]
