"""A map on the noise of a step, for any rule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Latent
from ids.diffusion.schedule import diffuse


@dataclass(frozen=True)
class Template:
    """Moves the noise towards what the network predicts for the source, `rate` of the way, n_iters
    times. No gradients.

    A refiner sees the source alone. It returns the draw with its noise replaced, and values to log,
    one per row.
    """

    n_iters: int = 1
    rate: float = 0.1

    def __post_init__(self) -> None:
        if self.n_iters < 0:
            raise ValueError(f"fpr.n_iters: expected 0 or more; got {self.n_iters}")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"fpr.rate: expected 0 to 1; got {self.rate}")

    def __call__(
        self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw
    ) -> tuple[Draw, Mapping[str, Tensor]]:
        """The draw with refined noise; its root mean square."""
        eps = draw.eps
        for _ in range(self.n_iters):
            z_t = diffuse(eps_phi.schedule, z_src, eps, draw.t)
            eps = eps + self.rate * (eps_phi(z_t, y_src, draw.t) - eps)
        return replace(draw, eps=eps), {"noise_rms": eps.square().mean((1, 2, 3)).sqrt()}
