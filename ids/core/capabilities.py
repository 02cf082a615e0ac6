"""Capabilities beyond noise prediction that some rules and editors need. A component of a
method lists them in `needs`, a backbone source in `gives`, so that a backbone without one is
refused by name before its weights are read. An editor that needs a `LatentSubject` is one of
images alone.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from ids.core.edit import LatentSubject
from ids.core.errors import UnsupportedError
from ids.core.prompt import Prompt
from ids.core.tensors import Coefficient, Features, Latent, Timestep

T = TypeVar("T")


@runtime_checkable
class Hook(Protocol):
    """Reads and may replace the outputs of a network's modules. `sites` is a glob of module names,
    or several separated by spaces; `NAME.probs` are the probabilities of an attention, [B, heads,
    queries, keys]. If a hook has `wants(site, n_queries) -> bool`, probabilities that it does not
    want are left to the fused attention.
    """

    @property
    def sites(self) -> str: ...
    def __call__(self, site: str, h: Tensor) -> Tensor:
        """The replacement of the output `h` of the module `site`, in its shape."""
        ...


@runtime_checkable
class HookedBackbone(Protocol):
    """A network that takes hooks."""

    def hooked(self, hook: Hook) -> AbstractContextManager[None]:
        """The hook is active inside the `with`; afterwards the network is unchanged, bit for bit.
        `ConfigError` if its sites name no module.
        """
        ...


@runtime_checkable
class FeatureBackbone(Protocol):
    """A network that returns feature maps with its noise prediction."""

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        """eps, and the maps [B, channels, height, width] by site, from one pass, differentiable in
        z_t. `ConfigError` if the sites name no module that returns maps.
        """
        ...


@runtime_checkable
class GuidedDenoiser(Protocol):
    """A denoiser under classifier-free guidance that also gives its terms: `y_null` has a row per
    latent.
    """

    @property
    def guidance_scale(self) -> float: ...
    @property
    def y_null(self) -> Prompt: ...
    def unguided(self, z_t: Latent, prompts: Sequence[Prompt], t: Timestep) -> Sequence[Latent]:
        """The noise prediction for each of these prompts at the same z_t, without guidance, from
        one call.
        """
        ...


class Tokens(NamedTuple):
    """A tokenized prompt: the ids with start and end token, and the text pieces between those."""

    ids: tuple[int, ...]
    pieces: tuple[str, ...]


@runtime_checkable
class TokenBackbone(Protocol):
    """A backbone that shows how it tokenizes prompts."""

    def tokens(self, text: str) -> Tokens:
        """Without padding. `DataError` for a text that is too long."""
        ...


class Transition(NamedTuple):
    """A step of the forward process, z_t = sqrt(alpha) z_t_prev + sqrt(beta) noise: DDPM's alpha_t
    and beta_t if t_prev is t - 1. Its alpha is not the schedule's alpha(t), the coefficient of z_0.
    """

    alpha: Coefficient
    beta: Coefficient


@runtime_checkable
class PosteriorSchedule(Protocol):
    """A schedule whose forward process is a Markov chain, so that posteriors exist."""

    def transition(self, t: Timestep, t_prev: Timestep) -> Transition:
        """The step from t_prev to t > t_prev."""
        ...


@runtime_checkable
class VelocityBackbone(Protocol):
    """A rectified flow, z_t = (1 - sigma) z_0 + sigma eps, whose network predicts eps - z_0. At
    sigma = 1 it has a velocity, but its noise prediction is z_t whatever the network predicts.
    """

    def velocity(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """v(z_t, y, t) = E[eps - z_0 | z_t], differentiable in z_t and y."""
        ...


NAMES: Mapping[type, str] = {
    FeatureBackbone: "features",
    GuidedDenoiser: "guidance",
    HookedBackbone: "hooks",
    LatentSubject: "latents to write",
    PosteriorSchedule: "posterior",
    TokenBackbone: "tokens",
    VelocityBackbone: "velocity",
}


def require(thing: object, capability: type[T]) -> T:
    """`thing`, typed as having the capability. `UnsupportedError` if it does not."""
    if not isinstance(thing, capability):
        remedy = "a distillation method" if capability is LatentSubject else "another backbone"
        raise UnsupportedError(
            f"{type(thing).__name__}: expected one that gives {NAMES[capability]}; it does not; "
            f"use {remedy}"
        )
    return thing


def iter_components(whole: object) -> Iterator[object]:
    """Every dataclass that this one is composed of, itself first, through fields, mappings, lists
    and tuples.
    """
    if isinstance(whole, Mapping | list | tuple):
        for value in whole.values() if isinstance(whole, Mapping) else whole:
            yield from iter_components(value)
    elif dataclasses.is_dataclass(whole):
        yield whole
        for field in dataclasses.fields(whole):
            yield from iter_components(getattr(whole, field.name))


def content(whole: object) -> Any:
    """A component with all its values as JSON data. `TypeError` for a part that is neither plain
    data nor a dataclass: what it holds is not known.
    """
    if dataclasses.is_dataclass(whole):
        kind = type(whole)
        values = {f.name: content(getattr(whole, f.name)) for f in dataclasses.fields(whole)}
        return {"class": f"{kind.__module__}.{kind.__qualname__}", "values": values}
    if isinstance(whole, Mapping):
        return {str(key): content(value) for key, value in whole.items()}
    if isinstance(whole, list | tuple):
        return [content(value) for value in whole]
    if whole is None or isinstance(whole, str | int | float):
        return whole
    name = type(whole).__qualname__
    raise TypeError(f"expected a method of dataclasses and plain data; got a part of class {name}")


def needs(whole: object) -> dict[type, str]:
    """capability -> name of a class that needs it, over all components of a method."""
    return {
        capability: type(part).__name__
        for part in iter_components(whole)
        for capability in getattr(part, "needs", ())
    }
