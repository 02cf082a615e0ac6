"""A latent diffusion model from its loaded parts: denoiser, autoencoder, text encoder."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ids.backbones.autoencoder import Autoencoder, decoded, encoded
from ids.backbones.clip_tokenizer import engine_of, pieces_of
from ids.backbones.evaluation import Direct, Evaluation
from ids.backbones.hooks import hooked, recorded_maps
from ids.backbones.sites import Selection
from ids.core.capabilities import Hook, TokenBackbone, Tokens, require
from ids.core.errors import DataError
from ids.core.prompt import Prompt, check_texts
from ids.core.protocols import Schedule
from ids.core.tensors import Features, Images, Latent, Timestep

log = logging.getLogger(__name__)
KNOWN_PROMPTS = 256  # encoded, on the device: 60 MB of Stable Diffusion 1.x


@dataclass(frozen=True)
class UNetDenoiser:
    """A diffusers UNet that returns eps, whatever its prediction type and precision. `ValueError`
    for a prediction type other than epsilon and v_prediction.
    """

    unet: torch.nn.Module = field(repr=False)
    schedule: Schedule
    prediction: str = "epsilon"
    _selections: dict[str, Selection] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _evaluation: Evaluation | None = field(default=None, repr=False, compare=False)
    _hooks: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.prediction not in ("epsilon", "v_prediction"):
            raise ValueError(
                "backbone prediction type: expected epsilon or v_prediction; "
                f"got {self.prediction!r}"
            )

    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """eps(z_t, y, t), in the type of z_t."""
        dtype = self._dtype
        evaluate = self._evaluation or Direct(self.unet)
        out: Latent = evaluate(z_t.to(dtype), t, y.embedding.to(dtype), bool(self._hooks))
        out = out.to(z_t.dtype).contiguous()  # whatever the layout of the network
        if self.prediction == "v_prediction":  # v = alpha eps - sigma z_0
            return self.schedule.alpha(t) * out + self.schedule.sigma(t) * z_t
        return out

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        with self._hooking(sites), recorded_maps(self._selection(sites)) as maps:
            eps = self(z_t, y, t)
        return eps, {site: h.to(z_t.dtype) for site, h in maps.items()}

    @contextmanager
    def hooked(self, hook: Hook) -> Iterator[None]:
        with self._hooking(hook.sites), hooked(self._selection(hook.sites), hook):
            yield

    def evaluated_by(self, evaluation: Evaluation) -> "UNetDenoiser":
        """The same denoiser, with another way to evaluate its UNet."""
        return replace(self, _evaluation=evaluation)

    @contextmanager
    def _hooking(self, sites: str) -> Iterator[None]:
        """Every module runs in calls inside the `with`."""
        self._hooks.append(sites)
        try:
            yield
        finally:
            self._hooks.pop()

    @cached_property
    def _dtype(self) -> torch.dtype:
        return next(self.unet.parameters()).dtype

    def _selection(self, sites: str) -> Selection:
        """The modules of these sites, found once: a network has hundreds."""
        return self._selections.setdefault(sites, Selection(self.unet, sites))


@dataclass(frozen=True)
class ClipText:
    """A CLIP tokenizer and text encoder. Each text is encoded once and alone, so that the batch
    cannot change it. `DataError` for a text of too many tokens, unless `truncate` cuts it.
    """

    tokenizer: Any = field(repr=False)
    encoder: Any = field(repr=False)
    truncate: bool = False
    _known: dict[str, Prompt] = field(default_factory=dict, repr=False)

    def __call__(self, texts: Sequence[str]) -> Prompt:
        return Prompt.cat([self._encode(text) for text in texts])

    def _encode(self, text: str) -> Prompt:
        if (known := self._known.pop(text, None)) is None:
            with torch.no_grad():
                known = Prompt(self.encoder(self.padded(text)).last_hidden_state.float())
        self._known[text] = known  # the newest is last
        if len(self._known) > KNOWN_PROMPTS:
            del self._known[next(iter(self._known))]
        return known

    def tokens(self, text: str) -> Tokens:
        """The tokens that the encoder gets, without padding."""
        ids = self._ids(text)
        return Tokens(tuple(ids), pieces_of(self.tokenizer, ids[1:-1]))

    def padded(self, text: str) -> Tensor:
        """The tokens that the encoder gets, with padding, [1, n_tokens]."""
        ids = self._ids(text)
        ids += [self.tokenizer.pad_token_id] * (self._length - len(ids))
        return torch.tensor([ids], device=self.encoder.device)

    def _ids(self, text: str) -> list[int]:
        """The ids of the prompt between start and end token; of a prompt that is too long, the
        first ones, if `truncate` is set.
        """
        ids: list[int] = self._engine.encode(text).ids
        if len(ids) <= self._length:
            return ids
        cut = self.tokenizer.decode(ids[self._length - 1 : -1]).strip()
        message = f"prompt {text!r}: expected at most {self._length - 2} tokens; got {len(ids) - 2}"
        if not self.truncate:
            raise DataError(
                f"{message}; shorten it by {cut!r}, or set backbone.truncate=true to cut that off"
            )
        log.warning("%s; cut off: %r", message, cut)
        return [*ids[: self._length - 1], ids[-1]]

    @cached_property
    def _engine(self) -> Any:
        return engine_of(self.tokenizer)

    @property
    def _length(self) -> int:
        """The tokenizer's limit, and no more than the encoder has positions."""
        n_positions = self.encoder.config.max_position_embeddings
        return int(min(self.tokenizer.model_max_length, n_positions))


@dataclass(frozen=True)
class LatentDiffusion:
    """A `Backbone` composed of denoiser, autoencoder and text encoder."""

    denoiser: UNetDenoiser
    autoencoder: Autoencoder
    text: Callable[[Sequence[str]], Prompt]

    @property
    def schedule(self) -> Schedule:
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

    def tokens(self, text: str) -> Tokens:
        return require(self.text, TokenBackbone).tokens(text)

    def eps(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        return self.denoiser(z_t, y, t)

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        return self.denoiser.features(z_t, y, t, sites)

    def hooked(self, hook: Hook) -> AbstractContextManager[None]:
        return self.denoiser.hooked(hook)
