"""Noise refiners: FPR, its variants, and none."""

from ids.methods.refiners.finite_difference import FiniteDifferenceFPR
from ids.methods.refiners.fpr import FPR
from ids.methods.refiners.no_refinement import NoRefinement
from ids.methods.refiners.noise import NoiseFPR
from ids.methods.refiners.polyak import PolyakFPR
from ids.methods.refiners.squared import SquaredFPR

__all__ = ["FPR", "FiniteDifferenceFPR", "NoRefinement", "NoiseFPR", "PolyakFPR", "SquaredFPR"]
