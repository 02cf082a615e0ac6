"""Sampling baselines: one paper, one file."""

from ids.methods.editors.dvrf import DVRF
from ids.methods.editors.flowedit import FlowEdit
from ids.methods.editors.infedit import InfEdit
from ids.methods.editors.local_blend import LocalBlend
from ids.methods.editors.p2p import PromptToPrompt
from ids.methods.editors.pnp import PlugAndPlay
from ids.methods.editors.reconstruction import Reconstruction
from ids.methods.editors.sdedit import SDEdit

__all__ = [
    "DVRF",
    "FlowEdit",
    "InfEdit",
    "LocalBlend",
    "PlugAndPlay",
    "PromptToPrompt",
    "Reconstruction",
    "SDEdit",
]
