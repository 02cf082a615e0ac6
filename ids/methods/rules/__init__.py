"""Distillation rules: one paper, one file."""

from ids.methods.rules.dds import DDS
from ids.methods.rules.dream_catalyst import DreamCatalyst
from ids.methods.rules.patch_nce import PatchNCE
from ids.methods.rules.pds import PDS
from ids.methods.rules.refined import Refined
from ids.methods.rules.sbp import SBP
from ids.methods.rules.sds import SDS
from ids.methods.rules.ssd import SSD
from ids.methods.rules.sum import Sum

__all__ = ["DDS", "PDS", "SBP", "SDS", "SSD", "DreamCatalyst", "PatchNCE", "Refined", "Sum"]
