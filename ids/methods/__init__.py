"""The distillation rules, the refiners of their noise, and the sampling baselines."""

from ids.methods.editors import (
    DVRF,
    FlowEdit,
    InfEdit,
    LocalBlend,
    PlugAndPlay,
    PromptToPrompt,
    Reconstruction,
    SDEdit,
)
from ids.methods.editors import p2p_words as p2p_words
from ids.methods.inversion import DDIMInversion, DirectInversion, NullTextInversion
from ids.methods.refiners import (
    FPR,
    FiniteDifferenceFPR,
    NoiseFPR,
    NoRefinement,
    PolyakFPR,
    SquaredFPR,
)
from ids.methods.rules import DDS, PDS, SBP, SDS, SSD, DreamCatalyst, PatchNCE, Refined, Sum

__all__ = [
    "DDS",
    "DVRF",
    "FPR",
    "PDS",
    "SBP",
    "SDS",
    "SSD",
    "DDIMInversion",
    "DirectInversion",
    "DreamCatalyst",
    "FiniteDifferenceFPR",
    "FlowEdit",
    "InfEdit",
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
