"""All tries."""

from malformed_tries import masks, pixels, tables

TRIES = [*tables.tries(), *masks.tries(), *pixels.tries()]
