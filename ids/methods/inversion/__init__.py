"""Inversion: from a source latent to the noise that it is sampled from."""

from ids.methods.inversion.ddim import DDIMInversion
from ids.methods.inversion.direct import DirectInversion
from ids.methods.inversion.inversion import (
    Inversion,
    InversionRequest,
    InversionResult,
    check_inversion,
)
from ids.methods.inversion.null_text import NullTextInversion

__all__ = [
    "DDIMInversion",
    "DirectInversion",
    "Inversion",
    "InversionRequest",
    "InversionResult",
    "NullTextInversion",
    "check_inversion",
]
