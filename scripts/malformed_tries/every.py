"""All tries."""

from malformed_tries import (
    commands,
    corrections,
    judges,
    masks,
    models,
    outside,
    pie,
    pixels,
    settings,
    stores,
    tables,
    typed,
)

PARTS = [
    tables,
    masks,
    pixels,
    models,
    judges,
    settings,
    outside,
    pie,
    typed,
    stores,
    corrections,
    commands,
]
TRIES = [trial for part in PARTS for trial in part.tries()]
