"""The distillation rules, what refines their noise, the sampling baselines: one paper, one file."""

from ids.methods.dds import DDS
from ids.methods.dream_catalyst import DreamCatalyst
from ids.methods.fpr import FPR
from ids.methods.fpr_finite_difference import FiniteDifferenceFPR
from ids.methods.fpr_noise import NoiseFPR
from ids.methods.fpr_polyak import PolyakFPR
from ids.methods.fpr_squared import SquaredFPR
from ids.methods.inversion import DDIMInversion
from ids.methods.local_blend import LocalBlend
from ids.methods.null_text import NullTextInversion
from ids.methods.p2p import PromptToPrompt
from ids.methods.patch_nce import PatchNCE
from ids.methods.pds import PDS
from ids.methods.pnp import PlugAndPlay
from ids.methods.reconstruction import Reconstruction
from ids.methods.refined import AsDrawn, Refined
from ids.methods.sdedit import SDEdit
from ids.methods.sds import SDS
from ids.methods.sum import Sum

__all__ = [
    "DDS",
    "FPR",
    "PDS",
    "SDS",
    "AsDrawn",
    "DDIMInversion",
    "DreamCatalyst",
    "FiniteDifferenceFPR",
    "LocalBlend",
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
