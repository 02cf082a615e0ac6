"""Words of earlier versions: on the command line they are understood, with a warning; elsewhere the
error names today's word.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

KEYS = {  # former key, or its beginning -> today's
    "references": "controls",
    "backbone.picture_size": "backbone.image_size",
    "method.refine": "fpr",
    "method.editor.refine": "fpr",
    "metrics.strength": "metrics.latent_distance",
    "metrics.success.asked": "metrics.success.prompt",
    "metrics.restored.asked": "metrics.restored.prompt",
    "metric@metrics.strength": "metric@metrics.latent_distance",
}
VALUES = {  # key -> former value -> today's
    "method.via": {"picture": "image"},
    "metric": {"strength": "latent_distance"},
    "metric@metrics.latent_distance": {"strength": "latent_distance"},
}
COLUMNS = {"passes": "nfe", "strength": "latent_distance"}
CLASSES = {"ids.methods.AsDrawn": "ids.methods.NoRefinement"}
WORD = re.compile(r"([+~]*)([^=]*)(=?)(.*)", re.DOTALL)


def todays_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Overrides in today's words, and a warning for each that was replaced."""
    replaced = [_todays_word(word) for word in words]
    return [word for word, _ in replaced], [note for _, notes in replaced for note in notes]


def todays_columns(columns: Iterable[str]) -> tuple[list[str], list[str]]:
    """Columns of tables in today's words, and a warning for each that was replaced."""
    columns = list(columns)
    notes = [_note(column, COLUMNS[column]) for column in columns if column in COLUMNS]
    return [COLUMNS.get(column, column) for column in columns], notes


def todays_key(key: str) -> str | None:
    """Today's word for a former key or class; None for any other."""
    if key in CLASSES:
        return CLASSES[key]
    for former, today in KEYS.items():
        if key == former or key.startswith(f"{former}."):
            return today + key.removeprefix(former)
    return None


def _todays_word(word: str) -> tuple[str, list[str]]:
    match = WORD.fullmatch(word)
    if match is None:
        return word, []
    sign, key, equals, value = match.groups()
    notes = []
    if today := todays_key(key):
        notes.append(_note(key, today))
        key = today
    for part in value.split(","):
        if today := _values(key).get(part):
            notes.append(_note(f"{key}={part}", f"{key}={today}"))
    value = ",".join(_values(key).get(part, part) for part in value.split(","))
    return f"{sign}{key}{equals}{value}", notes


def _values(key: str) -> Mapping[str, str]:
    return VALUES.get(key, {})


def _note(former: str, today: str) -> str:
    return f"{former}: now {today}; taken as that"
