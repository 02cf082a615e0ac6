"""What travels between the layers: frozen records."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from ids.core.rng import Randomness
from ids.core.tensors import Image, Latent, Timestep


@runtime_checkable
class LazyImage(Protocol):
    """An image that is loaded when it is needed. `digest` is of the pixels that `load` gives (or
    of a statement that determines them): equal digests are equal pixels, whatever the file is
    called.
    """

    def digest(self) -> str: ...
    def load(self) -> Image: ...


@dataclass(frozen=True)
class Draw:
    """Everything random of one step. Two methods at one seed see the same draws."""

    t: Timestep
    eps: Latent
    rng: Randomness
    t_prev: Timestep | None = None  # the step below t, where timesteps come from a grid


@dataclass(frozen=True)
class Anchor:
    """The source half of a step: what the target half is compared with."""

    draw: Draw
    reference: Latent
    features: Mapping[str, Tensor] = field(default_factory=dict)  # what the network saw, by site
    parts: Mapping[str, "Anchor"] = field(default_factory=dict)  # of a sum, by term
    logs: Mapping[str, Tensor] = field(default_factory=dict)  # one value, or one vector, per row


@dataclass(frozen=True)
class EditCase:
    """One question: this image, from this description to that one.

    What it asks is named by `digest`; `id` (unique in its data set), `tags` and `metadata` are
    labels, and decide nothing.
    """

    id: str
    source: LazyImage
    prompt_src: str
    prompt_trg: str
    mask: LazyImage | None = None  # white where the edit belongs
    truth: LazyImage | None = None  # the edit as it should be, where the world is known
    tags: frozenset[str] = frozenset()
    blend_words: tuple[str, str] | None = None  # of source and target: where the edit belongs
    word_weights: Mapping[str, float] = field(default_factory=dict)  # of target words, for emphasis
    metadata: Mapping[str, str] = field(default_factory=dict)  # further columns, as they were read

    @cached_property
    def source_digest(self) -> str:
        """Of the source's pixels. Reads the image, once."""
        return self.source.digest()

    @cached_property
    def digest(self) -> str:
        """SHA-256, in 32 hexadecimal digits, of all that an edit or a metric may depend on: pixels
        of source, mask and truth, prompts, words. Reads the images.
        """
        asked = {
            "source": self.source_digest,
            "prompts": [self.prompt_src, self.prompt_trg],
            "mask": self.mask and self.mask.digest(),
            "truth": self.truth and self.truth.digest(),
            "words": self.words,
        }
        return digest_of(asked)

    @property
    def words(self) -> dict[str, Any]:
        """Blend words and weights as plain data."""
        return {"blend": self.blend_words, "weights": dict(self.word_weights)}


def digest_of(content: object) -> str:
    """SHA-256 of plain data, in 32 hexadecimal digits; the order of keys plays no part."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Trace:
    """What happened along the steps: name -> one value per step and row, [n_steps, B, ...] on the
    CPU.
    """

    curves: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Edited:
    """One finished edit, as metrics see it: images RGB in [0, 1], latents VAE-scaled, without the
    row axis.
    """

    image: Image
    z_src: Tensor
    z_trg: Tensor


@dataclass(frozen=True)
class Measurement:
    """What each edit of a batch took, on one engine and device."""

    seconds: float  # per edit; warm-up, decoding and saving excluded
    forwards: float  # network forwards per edit, counted in samples
    backwards: float  # network backwards per edit, counted in samples
    peak_bytes: float  # of the whole batch and process; nan where it cannot be measured
