"""Where a scene is evaluated along rays."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.camera import Rays
from ids.scenes.box import Box
from ids.scenes.volume import (
    Edges,
    Samples,
    contracted,
    points_on,
    resampled,
    spaced,
    weights_of,
    within_box,
)

Places = Float[Tensor, "P N 3"]  # in a box, [-1, 1] from end to end


@dataclass(frozen=True)
class Sampling:
    """`n_samples` intervals of each ray: where `n_coarse` samples of the density find weight, or
    evenly if that is 0.
    """

    n_samples: int
    n_coarse: int = 0

    def __call__(
        self,
        box: Box,
        rays: Rays,
        near: Tensor,
        far: Tensor,
        density: Callable[[Places], Samples],
        jitter: Float[Tensor, " P"] | None = None,
    ) -> tuple[Edges, Places]:
        """The edges of the intervals and their middles in the box."""
        turn = box.side / 2 if box.open else None
        low, high = box.corners(near)
        if not box.open:
            near, far = within_box(rays, near, far, low, high)

        def places(edges: Edges) -> Places:
            found = (2 * points_on(rays, edges) - low - high) / (high - low)
            return contracted(found) / 2 if box.open else found

        if not self.n_coarse:
            edges = spaced(near, far, self.n_samples, jitter, turn)
            return edges, places(edges)
        coarse = spaced(near, far, self.n_coarse, jitter, turn)
        with torch.no_grad():
            weights = weights_of(density(places(coarse)), coarse)
        edges = resampled(coarse, weights, self.n_samples, jitter)
        return edges, places(edges)
