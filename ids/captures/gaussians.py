"""Gaussians of a .ply file: github graphdeco-inria/gaussian-splatting, scene/gaussian_model.py
(`save_ply`), gsplat's `export_splats`, and nerfstudio's exporter, whose frame is its model's own.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from ids.captures.ply import columns, read_vertices
from ids.core.errors import DataError
from ids.core.gaussians import GaussianCloud
from ids.data.messages import shorten
from ids.scenes.gaussians import matrices

REST = (0, 9, 24, 45)  # numbers of f_rest: three colours, degrees 0 to 3 without the constant
PROPERTIES = ("f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2")
ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")
Values = Mapping[str, NDArray[np.generic]]


def read_gaussians(path: str | os.PathLike[str]) -> GaussianCloud:
    """The Gaussians of a file, in its world (that of the COLMAP model they were fitted to),
    activated: opacities from logits, scales from natural logarithms, rotations from quaternions
    (w, x, y, z) of any length. `DataError` for another file, and for a vertex that is no Gaussian.
    """
    file = Path(path)
    values = read_vertices(file)
    if missing := [name for name in (*PROPERTIES, *ROTATION) if name not in values]:
        kind, remedy = _instead(values)
        raise DataError(
            f"{shorten(file)}: expected Gaussians with the property {missing[0]}; its vertices are "
            f"{kind}; {remedy}"
        )
    _check_finite(values, shorten(file))
    quaternions = _tensor(values, ROTATION, file)
    _check_rows(quaternions.norm(dim=-1) > 0, "a rotation; got a zero quaternion", shorten(file))
    return GaussianCloud(
        means=_tensor(values, ("x", "y", "z"), file),
        scales=_tensor(values, PROPERTIES[4:], file).exp(),
        rotations=matrices(normalize(quaternions, dim=-1)),
        opacities=_tensor(values, ("opacity",), file)[:, 0].sigmoid(),
        harmonics=_harmonics(values, file),
    )


def _instead(values: Values) -> tuple[str, str]:
    """What the vertices of a file without Gaussians are, and the remedy."""
    if not any(name in values for name in PROPERTIES):
        return "points, not Gaussians", "export the Gaussians"
    if "red" in values and "f_dc_0" not in values:
        remedy = "export them with spherical harmonics (ns-export: --ply-color-mode sh_coeffs)"
        return "Gaussians with colours", remedy
    return "no Gaussians", "export the Gaussians"


def _harmonics(values: Values, file: Path) -> Tensor:
    """[N, K, 3]. `f_rest` has all coefficients of red first, then green, then blue."""
    count = sum(name.startswith("f_rest_") for name in values)
    if count not in REST:
        raise DataError(
            f"{shorten(file)}: expected {', '.join(map(str, REST))} properties f_rest; got "
            f"{count}; export the Gaussians again"
        )
    constant = _tensor(values, PROPERTIES[:3], file)[:, None]
    if not count:
        return constant
    rest = _tensor(values, [f"f_rest_{number}" for number in range(count)], file)
    return torch.cat((constant, rest.reshape(len(rest), 3, count // 3).mT), dim=1)


def _tensor(values: Values, names: tuple[str, ...] | list[str], file: Path) -> Tensor:
    return torch.from_numpy(columns(values, names, file).astype(np.float32))


def _check_finite(values: Values, where: str) -> None:
    for name, column in values.items():
        finite = torch.from_numpy(np.isfinite(column.astype(np.float64)))
        _check_rows(finite, f"a finite {name[:40]}; got NaN or infinity", where)


def _check_rows(right: Tensor, expected: str, where: str) -> None:
    if wrong := int((~right).sum()):
        first = int((~right).nonzero()[0])
        more = f"; {wrong} in all" if wrong > 1 else ""
        raise DataError(f"{where} vertex {first}: expected {expected}{more}; remove it")
