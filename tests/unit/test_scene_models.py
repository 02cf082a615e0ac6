"""Scene models behind one contract: they render in parts, are fitted, and give gradients."""

from dataclasses import replace

import pytest
import torch
from diorama import CAPTURE, encode, held_out_psnr, one_graph

from ids.core.errors import UnsupportedError
from ids.scenes.fit import Fit
from ids.scenes.gaussians import Gaussians, GaussianSplats, Splats, matrices, rasterized
from ids.scenes.model import SceneModel, parts, render_view
from ids.scenes.pull_back import DecoderUpdate, Seen
from ids.scenes.triplane import TriPlanes
from ids.scenes.voxels import Voxels

OPEN = replace(CAPTURE, bounded=False)
MODELS = {
    "voxels": (Voxels(16, 16), CAPTURE),
    "coarse to fine": (Voxels(16, 12, 12), CAPTURE),
    "open": (Voxels(12, 16, radius=0.8), OPEN),
    "tri-plane": (TriPlanes((16, 32), 4, 16, 12, 12), CAPTURE),
    "open tri-plane": (TriPlanes((16, 32), 4, 16, 12, 12, 0.8), OPEN),
    "gaussians": (GaussianSplats(300), CAPTURE),
}
CAMERA = CAPTURE.photos[1].camera.resized(12, 12)


def built(name: str) -> SceneModel:
    kind, capture = MODELS[name]
    return kind(capture)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_renders_in_parts_and_gives_gradients(name: str) -> None:
    model = built(name)
    assert isinstance(model, SceneModel)
    assert tuple(MODELS[name][0].groups) == tuple(group.name for group in model.groups())
    whole = model.render(CAMERA)
    pieces = [model.render(CAMERA, pixels) for pixels in parts(CAMERA, 50)]
    torch.testing.assert_close(torch.cat([p.rgb for p in pieces]), whole.rgb)
    assert ((whole.opacity - 0.5).abs() <= 0.5 + 1e-5).all()
    assert ((whole.distance >= 0) & (whole.distance <= CAMERA.far + 1e-3)).all()
    z = Seen(model, CAMERA, encode, 50).latent()
    parameters = [p for group in model.groups() for p in group.parameters]
    found = torch.autograd.grad(z, parameters, torch.ones_like(z))
    wanted = torch.autograd.grad(
        one_graph(Seen(model, CAMERA, encode, 50)),
        parameters,
        torch.ones_like(z),
        allow_unused=True,
    )
    for one, other in zip(found, wanted, strict=True):
        scale = 1.0 if other is None else float(other.abs().max())
        assert (one - (0 if other is None else other)).abs().max() <= 1e-5 * max(scale, 1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_a_view_of_a_model_follows_its_latent(name: str) -> None:
    """Images as latents: one step at lr 1 towards darker ones."""
    model = built(name)
    update = DecoderUpdate(lambda z: z, {})
    seen = Seen(model, CAMERA, lambda x: x.clone(), 50, None, update)
    z = seen.latent()
    z.backward(torch.full_like(z, 0.02))
    torch.optim.SGD(seen.parameters, lr=1.0).step()  # type: ignore[arg-type]
    left = seen.view().image - (z.detach()[0] - 0.02)
    assert left.square().mean().sqrt() < 0.7 * 0.02


@pytest.mark.parametrize("name", MODELS)
def test_a_model_starts_the_same_and_learns(name: str) -> None:
    model, again = built(name), built(name)
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True)
    )  # type: ignore[attr-defined]
    before = held_out_psnr(model, CAPTURE)
    Fit(n_steps=25, n_rays=256, lr=0.03)(model, MODELS[name][1])
    assert held_out_psnr(model, CAPTURE) > before + 1


def test_quaternions_are_rotations() -> None:
    half = 0.5**0.5
    found = matrices(torch.tensor([[half, 0.0, 0.0, half]]))[0]  # 90 degrees around z
    expected = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_a_splat_lies_where_its_mean_is_projected() -> None:
    """Its moments in the image are the projected mean and (scale * focal / depth)^2 + blur."""
    camera, mean = CAPTURE.photos[0].camera, torch.tensor([[0.05, 0.0, 0.1]])
    model = Gaussians(mean.repeat(4, 1), torch.ones(4, 3))
    splats = model.splats()
    one = type(splats)(
        mean, splats.rotations[:1], torch.full((1, 3), 0.06), torch.tensor([0.9]), torch.ones(1, 3)
    )
    weights = rasterized(one, camera, torch.zeros(3)).opacity.view(32, 32)
    y, x = torch.meshgrid(torch.arange(32) + 0.5, torch.arange(32) + 0.5, indexing="ij")
    total = weights.sum()
    centre = torch.stack(((weights * x).sum() / total, (weights * y).sum() / total))
    (pixel,), (depth,) = camera.project(mean)
    torch.testing.assert_close(centre, pixel, atol=0.15, rtol=0)
    variance = float((weights * (x - centre[0]).square()).sum() / total)
    assert variance == pytest.approx((0.06 * camera.fx / float(depth)) ** 2 + 0.3, rel=0.1)


def test_splats_are_blended_from_front_to_back() -> None:
    """Whatever their order in memory: the near red one hides half of the far blue one."""
    camera = CAPTURE.photos[0].camera
    means = torch.tensor([[0.0, 0.3, 0.0], [0.0, -0.3, 0.0]])
    colours = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    rotations = torch.tensor([[1.0, 0.0, 0.0, 0.0]] * 2)
    splats = type(Gaussians(torch.rand(4, 3), torch.rand(4, 3)).splats())(
        means, rotations, torch.full((2, 3), 0.5), torch.full((2,), 0.5), colours
    )
    middle = torch.tensor([16 * 32 + 16])
    render = rasterized(splats, camera, torch.zeros(3), middle)
    torch.testing.assert_close(render.rgb[0], torch.tensor([0.5, 0.0, 0.25]), atol=0.01, rtol=0)
    torch.testing.assert_close(
        render.distance[0],
        torch.tensor(0.5 * 0.7 + 0.25 * 1.3 + 0.25 * camera.far),
        atol=0.02,
        rtol=0,
    )


def test_splats_are_ordered_by_depth_as_in_released_code() -> None:
    """Not by distance: the red one at the side is farther from the camera, but less deep."""
    camera = replace(CAPTURE.photos[0].camera, c2w=torch.eye(4))  # looks along -z
    means = torch.tensor([[0.0, 0.0, -2.0], [0.9, 0.0, -1.9]])
    assert means[1].norm() > means[0].norm()
    render = rasterized(two(means), camera, torch.zeros(3))
    red, blue = render.rgb.view(32, 32, 3)[16, 20, [0, 2]]
    assert red > 0.4
    assert blue == pytest.approx(float(red) * (1 - float(red)), rel=0.1)


def test_a_depth_is_a_distance_along_the_ray() -> None:
    camera = replace(CAPTURE.photos[0].camera, c2w=torch.eye(4))
    render = rasterized(two(torch.tensor([[0.0, 0.0, -2.0]] * 2)), camera, torch.zeros(3))
    seen = render.distance - (1 - render.opacity) * camera.far
    depth = seen * (camera.rays().directions @ camera.forward).flatten()
    torch.testing.assert_close(depth, 2 * render.opacity)


def two(means: torch.Tensor) -> Splats:
    """A blue and a red splat, so large that their opacity of a half hardly varies."""
    rotations = torch.tensor([[1.0, 0.0, 0.0, 0.0]] * 2)
    colours = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    return Splats(means, rotations, torch.full((2, 3), 9.0), torch.full((2,), 0.5), colours)


def test_gaussians_refuse_what_they_cannot_have() -> None:
    with pytest.raises(UnsupportedError, match="expected a capture with surface points"):
        GaussianSplats()(replace(CAPTURE, points=torch.zeros(0, 3), colours=torch.zeros(0, 3)))
    with pytest.raises(
        UnsupportedError, match=r"model.backend=gsplat: expected the package gsplat"
    ):
        GaussianSplats(backend="gsplat")(CAPTURE)


def test_a_view_of_an_open_scene_reaches_beyond_its_box() -> None:
    model = built("open")
    assert float(render_view(model, CAMERA).distance.max()) > 1.8
