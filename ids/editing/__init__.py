"""Editors: the distillation loop, the controls, and what counts and records their steps."""

from ids.editing.controls import NullEdit, TrueEdit
from ids.editing.distill import DistillationEditor
from ids.editing.finished import Finished
from ids.editing.nfe import NFE, MeteredBackbone
from ids.editing.posterior_mean import PosteriorMean
from ids.editing.recorder import StateRecorder
from ids.editing.scene_states import ViewRecorder
from ids.editing.soft_mask import NoFinish, SoftMask
from ids.editing.there_and_back import ThereAndBack

__all__ = [
    "NFE",
    "DistillationEditor",
    "Finished",
    "MeteredBackbone",
    "NoFinish",
    "NullEdit",
    "PosteriorMean",
    "SoftMask",
    "StateRecorder",
    "ThereAndBack",
    "TrueEdit",
    "ViewRecorder",
]
