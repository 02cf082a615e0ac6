"""The distillation rules, what refines their noise, the sampling baselines: one paper, one file."""

from ids.methods.editors.local_blend import LocalBlend
from ids.methods.editors.p2p import PromptToPrompt
from ids.methods.editors.pnp import PlugAndPlay
from ids.methods.editors.reconstruction import Reconstruction
from ids.methods.editors.sdedit import SDEdit
from ids.methods.inversion.ddim import DDIMInversion
from ids.methods.inversion.null_text import NullTextInversion
from ids.methods.refiners.finite_difference import FiniteDifferenceFPR
from ids.methods.refiners.fpr import FPR
from ids.methods.refiners.noise import NoiseFPR
from ids.methods.refiners.polyak import PolyakFPR
from ids.methods.refiners.squared import SquaredFPR
from ids.methods.rules.dds import DDS
from ids.methods.rules.dream_catalyst import DreamCatalyst
from ids.methods.rules.patch_nce import PatchNCE
from ids.methods.rules.pds import PDS
from ids.methods.rules.refined import NoRefinement, Refined
from ids.methods.rules.sds import SDS
from ids.methods.rules.sum import Sum

__all__ = [
    "DDS",
    "FPR",
    "PDS",
    "SDS",
    "DDIMInversion",
    "DreamCatalyst",
    "FiniteDifferenceFPR",
    "LocalBlend",
    "NoRefinement",
    "NoiseFPR",
    "NullTextInversion",
    "PatchNCE",
    "PlugAndPlay",
    "PolyakFPR",
    "PromptToPrompt",
    "Reconstruction",
    "Refined",
    "SDEdit",
    "SquaredFPR",
    "Sum",
]
