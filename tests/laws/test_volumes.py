"""Laws of volume rendering, of cameras around a scene, and of the two-pass gradient."""

import math
from dataclasses import replace

import pytest
import torch
from diorama import CAPTURE, CASE, encode, fitted, one_graph
from torch import Tensor

from ids.core.camera import Camera, Rays
from ids.scenes.box import Box
from ids.scenes.model import parts, pick, render_view
from ids.scenes.pull_back import Replay, Seen
from ids.scenes.sampling import Sampling
from ids.scenes.volume import (
    composite,
    contracted,
    resampled,
    spaced,
    weights_of,
    within_box,
)
from ids.scenes.voxels import VoxelGrid

RNG = torch.Generator().manual_seed(0)
NEAR, FAR = torch.tensor([0.5, 1.0]), torch.tensor([2.0, 9.0])


def test_weights_sum_to_the_opacity() -> None:
    edges = spaced(NEAR, FAR, 16)
    density = torch.rand(2, 16, generator=RNG) * 3
    opacity = 1 - torch.exp(-(density * edges.diff(dim=-1)).sum(-1))
    torch.testing.assert_close(weights_of(density, edges).sum(-1), opacity)


def test_an_even_fog_has_its_analytic_distance_and_colour() -> None:
    """Of an exponential law cut at the far end: (1 - exp(-k L)) / k behind the near end."""
    edges, k = spaced(NEAR.double(), FAR.double(), 4000), 0.7
    weights = weights_of(torch.full((2, 4000), k).double(), edges)
    render = composite(weights, torch.ones(2, 4000, 3).double(), edges, torch.zeros(3).double())
    length = (FAR - NEAR).double()
    opacity = 1 - torch.exp(-k * length)
    torch.testing.assert_close(render.distance, NEAR.double() + opacity / k, atol=1e-5, rtol=0)
    torch.testing.assert_close(render.rgb, opacity[:, None].expand(-1, 3))


@pytest.mark.parametrize("turn", [None, 1.0])
def test_samples_fill_the_ray_in_order(turn: float | None) -> None:
    for edges in (spaced(NEAR, FAR, 9, None, turn), spaced(NEAR, FAR, 9, torch.rand(2), turn)):
        assert (edges.diff(dim=-1) >= 0).all()
        torch.testing.assert_close(edges[:, 0], NEAR, atol=0.5, rtol=0)
        assert (edges[:, -1] <= FAR + 1e-4).all()
    torch.testing.assert_close(
        spaced(NEAR, FAR, 9, None, turn)[:, [0, -1]], torch.stack((NEAR, FAR), 1)
    )


def test_samples_gather_where_the_weights_are() -> None:
    edges = spaced(NEAR, FAR, 20)
    weights = torch.zeros(2, 20)
    weights[:, 7] = 1
    fine = resampled(edges, weights, 20)
    inside = (fine > edges[:, 6:7]) & (fine < edges[:, 9:10])
    assert (inside.sum(-1) >= 15).all()
    assert (fine.diff(dim=-1) >= 0).all()


def test_a_ray_is_cut_at_a_box() -> None:
    rays = Rays(
        torch.tensor([[0.0, -3.0, 0.0], [9.0, -3.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]] * 2)
    )
    near, far = within_box(
        rays, torch.zeros(2), torch.full((2,), 10.0), -torch.ones(3), torch.ones(3)
    )
    torch.testing.assert_close(near, torch.tensor([2.0, 10.0]))
    torch.testing.assert_close(far, torch.tensor([4.0, 10.0]))


def test_contraction_keeps_the_cube_and_reaches_infinity() -> None:
    points = torch.tensor([[0.5, -0.2, 0.9], [1e9, 0.0, 0.0], [-4.0, 2.0, 0.0]])
    expected = torch.tensor([[0.5, -0.2, 0.9], [2.0, 0.0, 0.0], [-1.75, 0.875, 0.0]])
    torch.testing.assert_close(contracted(points), expected)


def test_a_wall_has_its_distance_and_depth() -> None:
    """Solid cells behind the plane y = 0, seen by every camera: distance along rays and z-depth."""
    grid = VoxelGrid(Box((-2.0, -2.0, -2.0), (2.0, 2.0, 2.0)), 65, Sampling(400))
    with torch.no_grad():
        grid.density.fill_(-40.0)
        grid.density[:, :, :, 33:] = 40.0  # cells (z, y, x)
    step = 4 / 64
    for photo in CAPTURE.photos[:3]:
        camera = photo.camera
        view = render_view(grid, camera)
        origins, directions = camera.rays()
        analytic = -origins[..., 1] / directions[..., 1]
        assert (view.distance - analytic).abs().max() < 1.5 * step
        assert view.opacity.min() > 0.999
        points = origins + view.distance[..., None] * directions
        _, depth = camera.project(points)
        torch.testing.assert_close(view.distance * (directions @ camera.forward), depth)


def test_the_distance_of_nothing_is_the_far_end_of_the_ray() -> None:
    """Where it leaves the grid's box; the camera's bound where it misses that, or none exists."""
    camera = replace(CAPTURE.photos[0].camera, far=7.0)
    origins, directions = camera.rays()
    for box in (Box((-0.2,) * 3, (0.2,) * 3), Box((-0.2,) * 3, (0.2,) * 3, open=True)):
        grid = VoxelGrid(box, 9, Sampling(20))
        with torch.no_grad():
            grid.density.fill_(-200.0)
        view = render_view(grid, camera)
        assert view.opacity.max() == 0
        misses = (view.distance - 7).abs() < 1e-4
        assert misses.all() if box.open else 0 < misses.sum() < misses.numel()
        ends = (origins + view.distance[..., None] * directions)[~misses]
        torch.testing.assert_close(ends.abs().amax(-1), torch.full((len(ends),), 0.2))


def test_parts_of_a_view_are_the_view() -> None:
    grid, camera = fitted(), CAPTURE.photos[1].camera
    whole = grid.render(camera)
    pieces = [grid.render(camera, pixels) for pixels in parts(camera, 100)]
    assert torch.equal(torch.cat([p.rgb for p in pieces]), whole.rgb)
    assert len(pick(camera).near) == camera.height * camera.width


def test_two_passes_have_the_gradient_of_one_graph() -> None:
    camera = CAPTURE.photos[2].camera
    grid, camera = fitted().double(), replace(camera, c2w=camera.c2w.double())
    seen = Seen(grid, camera, encode, chunk=150)
    z, whole = seen.latent(), one_graph(seen)
    assert torch.equal(z, whole)
    g = torch.randn(z.shape, generator=RNG, dtype=z.dtype)
    ours = torch.autograd.grad(z, seen.parameters, g)
    theirs = torch.autograd.grad(whole, seen.parameters, g)
    for one, other in zip(ours, theirs, strict=True):
        assert other.abs().max() > 0
        assert (one - other).abs().max() <= 1e-6 * other.abs().max()


def test_a_replay_adds_its_gradient() -> None:
    grid, camera = fitted(), CAPTURE.photos[0].camera
    plain = Seen(grid, camera, encode, 300)
    before = plain.view().distance.flatten() - 0.5
    seen = Seen(grid, camera, encode, 300, Replay(before, 1.0))
    zero = torch.zeros_like(plain.latent())
    assert all(
        g.abs().max() == 0 for g in torch.autograd.grad(plain.latent(), plain.parameters, zero)
    )
    (density, *_) = torch.autograd.grad(seen.latent(), seen.parameters, zero)
    (wanted,) = torch.autograd.grad(grid.render(camera).distance.sum(), grid.density)
    torch.testing.assert_close(density, wanted, atol=1e-4, rtol=1e-4)


def test_no_graph_is_built_where_gradients_are_off() -> None:
    seen = Seen(fitted(), CAPTURE.photos[0].camera, encode, 300)
    with torch.no_grad():
        assert not seen.latent().requires_grad
    assert seen.latent().requires_grad


def test_memory_does_not_grow_with_the_view() -> None:
    """Bytes that one graph keeps for the backward pass, against those of the largest part."""
    grid, camera = fitted(), CAPTURE.photos[0].camera.resized(96, 96)
    whole, part = (_kept_bytes(grid, camera, p) for p in (None, next(parts(camera, 512))))
    assert part < 0.15 * whole


def _kept_bytes(grid: VoxelGrid, camera: Camera, pixels: Tensor | None) -> int:
    """Bytes beside the parameters."""
    sizes = {p.data_ptr(): 0 for p in grid.parameters()}

    def keep(x: Tensor) -> Tensor:
        sizes.setdefault(x.data_ptr(), x.numel() * x.element_size())
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        rgb = grid.render(camera, pixels).rgb
    assert rgb.requires_grad
    return sum(sizes.values())


def test_the_frontal_view_is_the_flat_image() -> None:
    flat = CASE.source.load()
    assert torch.equal(CAPTURE.photos[0].image.load(), flat)
    assert math.isclose(float(CAPTURE.photos[0].camera.centre.norm()), 1.0, rel_tol=1e-6)
