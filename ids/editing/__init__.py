"""From a backbone, a subject and randomness to an edited subject."""

from ids.editing.distill import DistillationEditor
from ids.editing.meter import Metered, Passes
from ids.editing.reference import NullEdit, TrueEdit

__all__ = ["DistillationEditor", "Metered", "NullEdit", "Passes", "TrueEdit"]
