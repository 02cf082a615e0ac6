"""From a backbone, a subject and randomness to an edited subject."""

from ids.editing.distill import DistillationEditor
from ids.editing.meter import Metered, Passes
from ids.editing.reference import NullEdit, TrueEdit
from ids.editing.states import Kept
from ids.editing.there_and_back import ThereAndBack

__all__ = [
    "DistillationEditor",
    "Kept",
    "Metered",
    "NullEdit",
    "Passes",
    "ThereAndBack",
    "TrueEdit",
]
