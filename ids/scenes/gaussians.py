"""Gaussians in space, splatted onto the image (Kerbl et al. 2023)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ids.core.camera import Camera
from ids.core.capture import Capture
from ids.core.errors import UnsupportedError
from ids.scenes.limits import check_least
from ids.scenes.model import ParameterGroup, Pixels, Render

Backend = Literal["torch", "gsplat"]
BLUR = 0.3  # added to a splat's variance, in pixels squared, as in the released code
MOST = 0.99  # opacity of a splat
LEAST = 1 / 255  # opacity below which a splat is not seen
GREY = 0.5


class Splats(NamedTuple):
    """G Gaussians with activated values: means and scales [G, 3], unit quaternions wxyz [G, 4],
    opacities [G], colours [G, 3].
    """

    means: Float[Tensor, "G 3"]
    rotations: Float[Tensor, "G 4"]
    scales: Float[Tensor, "G 3"]
    opacities: Float[Tensor, " G"]
    colours: Float[Tensor, "G 3"]


class Gaussians(nn.Module):
    """Gaussians of one colour each, from every direction."""

    def __init__(
        self,
        points: Float[Tensor, "G 3"],
        colours: Float[Tensor, "G 3"],
        backend: Backend = "torch",
    ) -> None:
        super().__init__()
        self.rasterize = _rasterizer(backend)
        self.means = nn.Parameter(points.clone())
        spacing = _spacing(points).log()[:, None].expand(-1, 3)
        self.scales = nn.Parameter(spacing.clone())
        self.rotations = nn.Parameter(torch.tensor([1.0, 0, 0, 0]).repeat(len(points), 1))
        self.opacities = nn.Parameter(torch.full((len(points),), 1.0))
        self.colours = nn.Parameter(colours - GREY)
        self.background = nn.Parameter(torch.zeros(3))

    def groups(self) -> Sequence[ParameterGroup]:
        """`means`, `shapes` (scales and rotations), `density` (opacities), `colour`."""
        return [
            ParameterGroup("means", [self.means]),
            ParameterGroup("shapes", [self.scales, self.rotations]),
            ParameterGroup("density", [self.opacities]),
            ParameterGroup("colour", [self.colours, self.background]),
        ]

    def splats(self) -> Splats:
        """The activated values."""
        return Splats(
            self.means,
            F.normalize(self.rotations, dim=-1),
            self.scales.exp(),
            torch.sigmoid(self.opacities),
            GREY + self.colours,
        )

    def render(self, camera: Camera, pixels: Pixels | None = None) -> Render:
        """These pixels; None: all."""
        return self.rasterize(self.splats(), camera, GREY + self.background, pixels)

    def roughness(self, rng: torch.Generator) -> Tensor:
        """Splats have no neighbours: 0."""
        return torch.zeros((), device=self.means.device)


@dataclass(frozen=True)
class GaussianSplats:
    """The configuration of `Gaussians`: at most `count` of the capture's points. `backend`: `torch`
    runs anywhere, `gsplat` needs that package and a GPU.
    """

    count: int = 2000
    backend: Backend = "torch"

    groups: ClassVar[tuple[str, ...]] = ("means", "shapes", "density", "colour")
    revision: ClassVar[int] = 2  # 1 sorted by distance

    def __post_init__(self) -> None:
        check_least(self, "model", count=8)  # every n-th point leaves half of them, or more

    def __call__(self, capture: Capture) -> Gaussians:
        """A scene for a capture. `UnsupportedError` for one without points."""
        if len(capture.points) < 4:
            raise UnsupportedError(
                f"{capture.name}: expected a capture with surface points for Gaussians; found "
                f"{len(capture.points)}; use representation=nerf_capture"
            )
        every = max(-(-len(capture.points) // self.count), 1)
        return Gaussians(capture.points[::every], capture.colours[::every], self.backend)


Rasterizer = Callable[[Splats, Camera, Tensor, Pixels | None], Render]


def rasterized(
    splats: Splats, camera: Camera, background: Tensor, pixels: Pixels | None = None
) -> Render:
    """Splats by the depth of their means over all pixels at once, in torch: memory grows with the
    number of both. Depths become distances along each pixel's ray.
    """
    places, depth = camera.project(splats.means)
    visible = depth.detach() > camera.near / 2
    conics = _conics(splats, camera)[visible]
    depth = depth[visible]
    order = depth.detach().argsort()
    offsets = _centres(camera, pixels)[:, None] - places[visible][order]
    power = torch.einsum("pgi,gij,pgj->pg", offsets, conics[order], offsets)
    alpha = splats.opacities[visible][order] * torch.exp(-0.5 * power)
    alpha = torch.where(alpha > LEAST, alpha.clamp(max=MOST), 0)
    light = torch.cumprod(1 - alpha, dim=-1)
    weights = alpha * torch.cat((torch.ones_like(light[:, :1]), light[:, :-1]), dim=-1)
    opacity = weights.sum(dim=-1)
    rest = (1 - opacity)[:, None]
    rgb = weights @ splats.colours[visible][order] + rest * background
    distance = weights @ depth[order] / along_forward(camera, pixels) + rest[:, 0] * camera.far
    return Render(rgb, distance, opacity)


def along_forward(camera: Camera, pixels: Pixels | None = None) -> Float[Tensor, " P"]:
    """The cosine between each pixel's ray and the viewing direction: depth over distance."""
    cosine = (camera.rays().directions @ camera.forward).flatten()
    return cosine if pixels is None else cosine[pixels]


def _conics(splats: Splats, camera: Camera) -> Float[Tensor, "G 2 2"]:
    """Inverse covariances in the image (EWA splatting, Zwicker et al. 2001)."""
    turn = camera.c2w[:3, :3].T
    x, y, back = ((splats.means - camera.centre) @ turn.T).unbind(dim=-1)
    z = torch.where(back.abs() < 1e-6, 1e-6, -back)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        (
            torch.stack((camera.fx / z, zero, camera.fx * x / z**2), dim=-1),
            torch.stack((zero, -camera.fy / z, -camera.fy * y / z**2), dim=-1),
        ),
        dim=-2,
    )
    spread = jacobian @ turn @ (matrices(splats.rotations) * splats.scales[:, None])
    covariance = spread @ spread.mT + BLUR * torch.eye(2).to(spread)
    conics: Tensor = torch.linalg.inv(covariance)
    return conics


def matrices(quaternions: Float[Tensor, "G 4"]) -> Float[Tensor, "G 3 3"]:
    """Rotations of unit quaternions, wxyz."""
    w, x, y, z = quaternions.unbind(dim=-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _centres(camera: Camera, pixels: Pixels | None) -> Float[Tensor, "P 2"]:
    if pixels is None:
        pixels = torch.arange(camera.height * camera.width, device=camera.c2w.device)
    places = torch.stack((pixels % camera.width, pixels // camera.width), dim=-1)
    return places.to(camera.c2w) + 0.5


def _spacing(points: Float[Tensor, "G 3"]) -> Float[Tensor, " G"]:
    """Mean distance to the three nearest others."""
    nearest = [
        torch.cdist(some, points).topk(4, largest=False).values for some in points.split(512)
    ]
    return torch.cat(nearest)[:, 1:].mean(dim=-1).clamp(min=1e-4)


def _rasterizer(backend: Backend) -> Rasterizer:
    """`UnsupportedError` where the backend is not installed."""
    if backend == "torch":
        return rasterized
    if find_spec("gsplat") is None or not torch.cuda.is_available():
        raise UnsupportedError(
            "model.backend=gsplat: expected the package gsplat and a GPU; found "
            f"{'no GPU' if find_spec('gsplat') else 'no gsplat'}; install it, or use backend=torch"
        )
    from ids.scenes.gsplat_backend import rasterized_by_gsplat

    return rasterized_by_gsplat
