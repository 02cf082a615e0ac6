"""What some rules and editors need beyond a noise predictor: narrow protocols, so that a backbone
without one is refused by name before its weights are read.

A part of a method says `needs`, a backbone source says `gives`; both are these classes.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from ids.core.edit import LatentSubject
from ids.core.errors import UnsupportedError
from ids.core.prompt import Prompt
from ids.core.tensors import Coefficient, Features, Latent, Timestep

T = TypeVar("T")


@runtime_checkable
class Hook(Protocol):
    """Sees what the modules that `sites` names give, and may put something else in its place.
    `sites` is a glob of module names, or several with spaces between; `NAME.probs` are an
    attention's probabilities, [B, heads, queries, keys]. A hook that has `wants(site, n_queries)`
    may leave some of those to the fused computation.
    """

    @property
    def sites(self) -> str: ...
    def __call__(self, site: str, h: Tensor) -> Tensor: ...


@runtime_checkable
class HookedBackbone(Protocol):
    """A network that lets hooks in while a `with` lasts, and is bitwise itself afterwards."""

    def hooked(self, hook: Hook) -> AbstractContextManager[None]: ...


@runtime_checkable
class FeatureBackbone(Protocol):
    """A network that shows what it sees: eps, and maps at the sites of a glob, from one pass."""

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]: ...


class Tokens(NamedTuple):
    """A prompt as its encoder reads it: the ids with the special ones at both ends, and the pieces
    of text between those.
    """

    ids: tuple[int, ...]
    pieces: tuple[str, ...]


@runtime_checkable
class TokenBackbone(Protocol):
    """A backbone that tells which token is which word."""

    def tokens(self, text: str) -> Tokens: ...


class Transition(NamedTuple):
    """A step of the forward process, z_t = sqrt(alpha) z_t_prev + sqrt(beta) noise: DDPM's alpha_t
    and beta_t where t_prev is t - 1. Not the schedule's alpha(t), the coefficient of z_0.
    """

    alpha: Coefficient
    beta: Coefficient


@runtime_checkable
class PosteriorSchedule(Protocol):
    """A schedule whose forward process is a Markov chain, so that it has posteriors."""

    def transition(self, t: Timestep, t_prev: Timestep) -> Transition: ...


NAMES: Mapping[type, str] = {
    FeatureBackbone: "features",
    HookedBackbone: "hooks",
    LatentSubject: "latents to write",
    PosteriorSchedule: "posterior",
    TokenBackbone: "tokens",
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
    """A composition and everything it is composed of: dataclasses, in fields and collections."""
    if isinstance(whole, Mapping | list | tuple):
        for value in whole.values() if isinstance(whole, Mapping) else whole:
            yield from iter_components(value)
    elif dataclasses.is_dataclass(whole):
        yield whole
        for field in dataclasses.fields(whole):
            yield from iter_components(getattr(whole, field.name))


def needs(whole: object) -> dict[type, str]:
    """capability -> the class that asks for it, of everything a method is composed of."""
    return {
        capability: type(part).__name__
        for part in iter_components(whole)
        for capability in getattr(part, "needs", ())
    }
