"""Gaussians rasterized by gsplat, on a GPU."""

from typing import Any

import torch
from torch import Tensor

from ids.core.camera import Camera
from ids.scenes.gaussians import Splats, along_forward
from ids.scenes.model import Pixels, Render

FLIP = (1.0, -1.0, -1.0, 1.0)  # OpenGL axes to those of OpenCV


def rasterized_by_gsplat(
    splats: Splats, camera: Camera, background: Tensor, pixels: Pixels | None = None
) -> Render:
    """As `gaussians.rasterized`; all pixels are rendered, whichever are wanted. gsplat gives
    z-depth, which becomes the distance along each pixel's ray.
    """
    import gsplat

    view = torch.linalg.inv(camera.c2w @ torch.diag(camera.c2w.new_tensor(FLIP)))
    focal = camera.c2w.new_tensor([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    found: Any = gsplat.rasterization(
        splats.means, splats.rotations, splats.scales, splats.opacities, splats.colours,
        view[None], focal[None], camera.width, camera.height,
        render_mode="RGB+D",
    )  # fmt: skip
    seen, opacity = found[0][0].reshape(-1, 4), found[1][0].reshape(-1)
    rest = 1 - opacity
    rgb = seen[:, :3] + rest[:, None] * background
    distance = seen[:, 3] / along_forward(camera) + rest * camera.far
    whole = Render(rgb, distance, opacity)
    return whole if pixels is None else Render(*(part[pixels] for part in whole))
