"""Frozen records that the layers exchange."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.rng import Randomness
from ids.core.tensors import Image, Latent, Timestep


@runtime_checkable
class LazyImage(Protocol):
    """An image that is loaded on demand."""

    def digest(self) -> str:
        """A digest of the pixels, or of a description that determines them: equal digests mean
        equal pixels, whatever the file's name.
        """
        ...

    def load(self) -> Image:
        """RGB in [0, 1]. `DataError` if it cannot be read."""
        ...


@dataclass(frozen=True)
class Draw:
    """The random numbers of one step. Methods at one seed see the same ones."""

    t: Timestep
    eps: Latent
    rng: Randomness
    t_prev: Timestep | None = None  # the next timestep of a grid below t, if there is a grid


@dataclass(frozen=True)
class Anchor:
    """The result of the source half of a step. The gradient is Q(z_trg) - `reference`."""

    draw: Draw
    reference: Latent
    features: Mapping[str, Tensor] = field(default_factory=dict)  # of the source, by site
    places: Mapping[str, Tensor] = field(default_factory=dict)  # where features were taken, by site
    parts: Mapping[str, "Anchor"] = field(default_factory=dict)  # of a sum, by term
    logs: Mapping[str, Tensor] = field(default_factory=dict)  # one value, or one vector, per row
    y_src: Prompt | None = None  # of a rule whose target half evaluates the source prompt


@dataclass(frozen=True)
class EditCase:
    """An edit to make: a source image, from its prompt to a target prompt.

    `digest` identifies it. `id` (unique in its data set), `tags` and `metadata` are labels and
    decide nothing.
    """

    id: str
    source: LazyImage
    prompt_src: str
    prompt_trg: str
    mask: LazyImage | None = None  # white where the edit belongs
    truth: LazyImage | None = None  # the correct edit, if it is known
    tags: frozenset[str] = frozenset()
    blend_words: tuple[str, str] | None = None  # of source and target: the words of what changes
    word_weights: Mapping[str, float] = field(default_factory=dict)  # of target words, for emphasis
    metadata: Mapping[str, str] = field(default_factory=dict)  # further columns of the table
    instruction: str = ""  # the edit as a command, `make it a dog`, where the data set has one

    @cached_property
    def source_digest(self) -> str:
        """Digest of the source's pixels. Reads the image once."""
        return self.source.digest()

    @cached_property
    def digest(self) -> str:
        """SHA-256, in 32 hexadecimal digits, of all that an edit or a metric may depend on: pixels
        of source, mask and truth, prompts, instruction, words. Reads the images once.
        """
        content = {
            "source": self.source_digest,
            "prompts": [self.prompt_src, self.prompt_trg],
            "mask": self.mask and self.mask.digest(),
            "truth": self.truth and self.truth.digest(),
            "words": self.words,
        }
        if self.instruction:  # absent from the digests of earlier cases
            content["instruction"] = self.instruction
        return digest_of(content)

    @property
    def words(self) -> dict[str, Any]:
        """Blend words and word weights as JSON data."""
        return {"blend": self.blend_words, "weights": dict(self.word_weights)}


def digest_of(content: object) -> str:
    """SHA-256 of JSON data, in 32 hexadecimal digits; independent of the order of keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Trace:
    """The curves of an edit: name -> a value per step and row, [n_steps, B, ...] on the CPU."""

    curves: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class EditedScene:
    """A scene before and after its edit, as it is stored: renders of the V photos' cameras, RGB in
    [0, 1] in steps of 1/255, [V, 3, H, W]; distances along the rays, float16, [V, H, W], and
    opacities in steps of 1/255; renders along a path around the scene, [F, 3, H, W]; the tensors of
    the edited model.
    """

    before: Float[Tensor, "V 3 H W"]
    after: Float[Tensor, "V 3 H W"]
    distance_before: Float[Tensor, "V H W"]
    distance_after: Float[Tensor, "V H W"]
    opacity_before: Float[Tensor, "V H W"]
    opacity_after: Float[Tensor, "V H W"]
    path_before: Float[Tensor, "F 3 H W"]
    path_after: Float[Tensor, "F 3 H W"]
    model: Mapping[str, Tensor]
    states: Mapping[int, Tensor] = field(default_factory=dict)  # step -> views, [_, 3, H, W]


@dataclass(frozen=True)
class Edited:
    """One finished edit, as metrics get it: the image RGB in [0, 1], the latents [C, H, W]; of a
    scene its views.
    """

    image: Image
    z_src: Tensor
    z_trg: Tensor
    scene: EditedScene | None = None


@dataclass(frozen=True)
class Measurement:
    """The cost of each edit of a batch, on one engine and device."""

    seconds: float  # per edit, without warm-up, decoding and saving
    forwards: float  # network forwards per edit, counted in samples
    backwards: float  # network backwards per edit, counted in samples
    peak_bytes: float  # of the whole batch and process; nan where it cannot be measured
