"""All tries."""

from malformed_tries import masks, models, pixels, tables

TRIES = [*tables.tries(), *masks.tries(), *pixels.tries(), *models.tries()]
