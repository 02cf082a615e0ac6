"""The distillation rules, the refiners of their noise, and the sampling baselines."""

from ids.methods.editors import (
    DVRF,
    FlowEdit,
    LocalBlend,
    PlugAndPlay,
    PromptToPrompt,
    Reconstruction,
    SDEdit,
)
from ids.methods.editors import p2p_words as p2p_words
from ids.methods.inversion import DDIMInversion, NullTextInversion
from ids.methods.refiners import (
    FPR,
    FiniteDifferenceFPR,
    NoiseFPR,
    NoRefinement,
    PolyakFPR,
    SquaredFPR,
)
from ids.methods.rules import DDS, PDS, SDS, DreamCatalyst, PatchNCE, Refined, Sum

__all__ = [
    "DDS",
    "DVRF",
    "FPR",
    "PDS",
    "SDS",
    "DDIMInversion",
    "DreamCatalyst",
    "FiniteDifferenceFPR",
    "FlowEdit",
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
