"""A latent rectified flow from its loaded parts: denoiser, autoencoder, text encoders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ids.backbones.autoencoder import Autoencoder, decoded, encoded
from ids.backbones.flow_denoiser import FlowDenoiser
from ids.core.prompt import Prompt, check_texts
from ids.core.protocols import Schedule
from ids.core.tensors import Images, Latent, Timestep


@dataclass(frozen=True)
class LatentFlow:
    """A `Backbone` with a velocity, composed of denoiser, autoencoder and text encoders."""

    denoiser: FlowDenoiser
    autoencoder: Autoencoder
    text: Callable[[Sequence[str]], Prompt]

    @property
    def schedule(self) -> Schedule:
        """The denoiser's."""
        return self.denoiser.schedule

    def encode(self, x: Images) -> Latent:
        """Differentiable in x."""
        return encoded(self.autoencoder, x)

    def decode(self, z: Latent) -> Images:
        """Some at a time."""
        return decoded(self.autoencoder, z)

    def prompt(self, texts: Sequence[str]) -> Prompt:
        """One row per text; `DataError` for a text that is too long, or one that is no list."""
        return self.text(check_texts(texts))

    def eps(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """The noise prediction."""
        return self.denoiser(z_t, y, t)

    def velocity(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """The network's output."""
        return self.denoiser.velocity(z_t, y, t)
