"""All tries."""

from malformed_tries import tables

TRIES = [*tables.tries()]
