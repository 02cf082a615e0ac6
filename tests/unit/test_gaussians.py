"""Clouds of Gaussians."""

import math

import torch
from captures import GOLDEN
from hypothesis import given, settings
from hypothesis import strategies as st

from ids.captures import read_gaussians
from ids.captures.poses import rotation_of
from ids.core.capture import Similarity
from ids.core.gaussians import harmonics

FILE = GOLDEN / "captures" / "orbit_pinhole" / "gaussians" / "gsplat_deg1.ply"


def test_harmonics_are_orthonormal() -> None:
    """Over the sphere, by a grid of equal areas."""
    n = 200
    z = (torch.arange(n, dtype=torch.float64) + 0.5) / n * 2 - 1
    angle = (torch.arange(2 * n, dtype=torch.float64) + 0.5) / n * math.pi
    z, angle = (part.flatten() for part in torch.meshgrid(z, angle, indexing="ij"))
    ring = (1 - z * z).sqrt()
    waves = harmonics(torch.stack((ring * angle.cos(), ring * angle.sin(), z), dim=-1), 16)
    products = waves.T @ waves * (4 * math.pi / len(z))
    assert torch.allclose(products, torch.eye(16, dtype=torch.float64), atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.floats(0.1, 1)] * 4), st.floats(0.2, 5))
def test_a_moved_cloud_looks_the_same(quaternion: tuple[float, ...], scale: float) -> None:
    cloud = read_gaussians(FILE)
    turn = torch.from_numpy(rotation_of(quaternion))
    similarity = Similarity(scale, turn, torch.tensor([1.0, -2.0, 0.5]).double())
    moved = cloud.moved(similarity)
    centre = torch.tensor([0.4, 3.0, -1.0])
    there = similarity(centre[None])[0].float()
    assert torch.allclose(moved.colours(there), cloud.colours(centre), atol=1e-4)
    turned = scale**2 * turn.float() @ cloud.covariances @ turn.float().T
    largest = float(turned.abs().max())
    assert torch.allclose(moved.covariances, turned, atol=1e-5 * largest)
    back = similarity.inverse()(moved.means).float()
    assert torch.allclose(back, cloud.means, atol=1e-4)
