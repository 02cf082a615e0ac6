"""All tries."""

from malformed_tries import commands, masks, models, pixels, settings, stores, tables, typed

TRIES = [*tables.tries(), *masks.tries(), *pixels.tries(), *models.tries(), *settings.tries(), *typed.tries(), *stores.tries(), *commands.tries()]
