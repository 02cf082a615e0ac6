"""The distillation rules: one paper, one file."""

from ids.methods.dds import DDS
from ids.methods.fpr import FPR
from ids.methods.refined import Refined
from ids.methods.sds import SDS

__all__ = ["DDS", "FPR", "SDS", "Refined"]
