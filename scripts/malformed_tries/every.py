"""All tries."""

from malformed_tries import masks, models, pixels, settings, tables, typed

TRIES = [*tables.tries(), *masks.tries(), *pixels.tries(), *models.tries(), *settings.tries(), *typed.tries()]
