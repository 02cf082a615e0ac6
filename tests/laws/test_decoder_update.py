"""Laws of the decoder's update: the direction and length of a step, exact for a linear scene and a
linear decoder, and its stability.
"""

from collections.abc import Callable

import pytest
import torch
from diorama import CAPTURE, fitted
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from ids.core.camera import Camera
from ids.core.tensors import Images, Latent
from ids.scenes.model import ParameterGroup, Pixels, Render
from ids.scenes.pull_back import DecoderUpdate, Replay, Seen
from ids.scenes.voxels import VoxelGrid, Voxels

SIZE = 4
N = 3 * SIZE * SIZE  # values of an image
CAMERA = Camera(torch.eye(4), 4.0, 4.0, 2.0, 2.0, SIZE, SIZE, 0.1, 1.0)
RNG = torch.Generator().manual_seed(0)
M = torch.randn(N, 8, generator=RNG)  # of the decoder
G = torch.randn(1, 2, 2, 2, generator=RNG)
RATES = {"density": 0.3}


def decoded(z: Latent) -> Images:
    return (0.5 + M.to(z) @ z.flatten()).view(1, 3, SIZE, SIZE)


def encoded(x: Images) -> Latent:
    return (M.to(x).T @ x.flatten()).view(1, 2, 2, 2)


class LinearScene(nn.Module):
    """Colours and distances that are linear in two groups of parameters, of any `unit`, or in an
    `activation` of them.
    """

    def __init__(
        self,
        density: Tensor,
        colour: Tensor,
        unit: float = 1.0,
        activation: Callable[[Tensor], Tensor] = torch.clone,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.matrices = unit * density, unit * colour
        self.density = nn.Parameter(torch.ones(density.shape[1]) / unit)
        self.colour = nn.Parameter(torch.ones(colour.shape[1]) / unit)

    def groups(self) -> list[ParameterGroup]:
        return [
            ParameterGroup("density", [self.density]),
            ParameterGroup("colour", [self.colour]),
        ]

    def render(self, camera: Camera, pixels: Pixels | None = None) -> Render:
        near, colour = self.activation(self.density), self.activation(self.colour)
        x = self.matrices[0] @ near + self.matrices[1] @ colour
        rgb, distance = x.view(3, -1).T, (self.matrices[0] @ near)[: SIZE * SIZE]
        chosen = slice(None) if pixels is None else pixels
        return Render(rgb[chosen], distance[chosen], torch.ones_like(distance)[chosen])

    def roughness(self, rng: torch.Generator) -> Tensor:
        return torch.zeros(())


def random_scene(
    unit: float = 1.0, activation: Callable[[Tensor], Tensor] = torch.clone, hit: int = N
) -> LinearScene:
    """The values after the first `hit` depend on nothing."""
    rng = torch.Generator().manual_seed(1)
    responds = (torch.arange(N) < hit)[:, None]
    matrices = [responds * torch.randn(N, count, generator=rng) for count in (6, 9)]
    return LinearScene(*matrices, unit, activation)


def seen(scene: LinearScene, replay: Replay | None = None) -> Seen:
    return Seen(scene, CAMERA, encoded, 5, replay, DecoderUpdate(decoded, RATES))  # type: ignore[arg-type]


def step(view: Seen, scene: LinearScene, lr: float) -> Tensor:
    """The change of the pixels by a step of SGD."""
    before = view.view().image
    view.latent().backward(G)
    groups = [
        {"params": [scene.density], "lr": lr * RATES["density"]},
        {"params": [scene.colour], "lr": lr},
    ]
    torch.optim.SGD(groups).step()
    return (view.view().image - before).flatten()


def test_a_step_is_the_least_squares_step_towards_the_decoded_latent() -> None:
    scene = random_scene()
    wanted = -(M @ G.flatten())
    j = torch.cat(scene.matrices, dim=1)
    rates = torch.cat((torch.full((6,), RATES["density"]), torch.ones(9)))
    direction = j @ (rates * (j.T @ wanted))
    length = (wanted @ direction) / (direction @ direction)
    moved = step(seen(scene), scene, 0.1)
    torch.testing.assert_close(moved, 0.1 * length * direction, rtol=1e-3, atol=1e-4)
    nearest = (wanted - moved / 0.1).norm()
    assert nearest < wanted.norm()
    assert all(
        nearest < (wanted - factor * length * direction).norm() for factor in (0.8, 0.95, 1.05)
    )


def test_a_scene_that_can_show_everything_follows_the_latent_exactly() -> None:
    scene = LinearScene(torch.zeros(N, 1), torch.eye(N))
    moved = step(seen(scene), scene, 0.2)
    z = torch.zeros(1, 2, 2, 2)
    torch.testing.assert_close(
        moved, (decoded(z - 0.2 * G) - decoded(z)).flatten(), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_units_of_parameters_do_not_matter(unit: float) -> None:
    scene, other = random_scene(), random_scene(unit)
    one, same = step(seen(scene), scene, 0.1), step(seen(other), other, 0.1)
    torch.testing.assert_close(one, same, rtol=1e-2, atol=1e-3)


def test_no_gradient_moves_nothing_and_a_trial_leaves_no_trace() -> None:
    scene = random_scene()
    kept = [p.detach().clone() for p in scene.parameters()]
    seen(scene).latent().backward(torch.zeros_like(G))
    assert all(p.grad is not None and not p.grad.any() for p in scene.parameters())
    seen(scene).latent().backward(G)
    assert all(torch.equal(p, was) for p, was in zip(scene.parameters(), kept, strict=True))


def test_a_replay_is_one_more_residual() -> None:
    """Least squares of 16 distances, of weight 2 x 30, and of unmoved pixels, at lr 1."""
    scene = LinearScene(torch.eye(N), torch.zeros(N, 1))
    before = seen(scene).view().distance.flatten() - 0.1
    view = seen(scene, Replay(before, 30.0))
    view.latent().backward(torch.zeros_like(G))
    torch.optim.SGD([scene.density], lr=RATES["density"]).step()
    nearest = before + 0.1 / 61
    torch.testing.assert_close(view.view().distance.flatten(), nearest, rtol=1e-5, atol=1e-5)


ACTIVATIONS = {"exp": torch.exp, "softplus": F.softplus, "sigmoid": torch.sigmoid}


@settings(deadline=None, max_examples=150)
@given(
    kind=st.sampled_from(sorted(ACTIVATIONS)),
    start=st.floats(-60, 3),
    power=st.floats(-9, 1),
    hit=st.integers(0, N),
)
def test_a_step_of_rate_1_takes_no_view_farther_from_its_target(
    kind: str, start: float, power: float, hit: int
) -> None:
    """Saturated activations, faint scenes, and rays that hit nothing: the first `hit` values alone
    respond. Then the view changes by less than twice what is wanted.
    """
    scene = random_scene(10**power, ACTIVATIONS[kind], hit)
    with torch.no_grad():
        scene.density.fill_(start)
        scene.colour.fill_(start)
    moved, wanted = step(seen(scene), scene, 1.0), M @ G.flatten()
    assert all(p.isfinite().all() for p in scene.parameters())
    assert (wanted + moved).norm() <= (1 + 1e-5) * wanted.norm()


def test_a_scene_that_does_not_respond_stays_as_it_is() -> None:
    """Without a gradient, and with one whose trial is lost in the rounding of the view."""
    for unit, hit in ((1.0, 0), (1e-12, N)):
        scene = random_scene(unit, lambda x: 0.5 + x, hit)
        with torch.no_grad():
            scene.colour.fill_(1e13)
        kept = [p.detach().clone() for p in scene.parameters()]
        step(seen(scene), scene, 1.0)
        assert all(torch.equal(p, was) for p, was in zip(scene.parameters(), kept, strict=True))


@pytest.mark.parametrize(
    ("grid", "share"), [(fitted, 0.97), (lambda: Voxels(24, 24)(CAPTURE), 0.7)]
)
def test_no_step_overshoots_in_a_fitted_or_an_empty_grid(
    grid: Callable[[], VoxelGrid], share: float
) -> None:
    """Images as latents: at lr 1 every step brings the view nearer to its target."""
    model, photo = grid(), CAPTURE.photos[4]
    same = DecoderUpdate(lambda z: z, {})
    view = Seen(model, CAPTURE.photos[0].camera, lambda x: x.clone(), 2000, None, same)
    target, errors = photo.image.load()[None], []
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(12):
        optimizer.zero_grad()
        z = view.latent()
        errors.append(float((z.detach() - target).norm()))
        z.backward(z.detach() - target)
        optimizer.step()
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < share * errors[0]
