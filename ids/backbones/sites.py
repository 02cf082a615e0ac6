"""Which modules of a network are meant: by name, and by how fine their maps are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from math import ceil, log2, prod

from torch import Tensor, nn

from ids.backbones.attention import SUFFIX, attentions
from ids.core.errors import ConfigError

Size = tuple[int, int]  # height and width of what the network was given


@dataclass(frozen=True)
class Site:
    """`up_blocks.*.conv2`: modules by a glob. `up_blocks.*.conv2@1/4`: those whose maps have a
    quarter of the sides of what the network was given; `@1/4..1`: from a quarter to all.

    How fine a map is shows when it is made, so that no topology is taken for granted. Sides are
    counted in halvings, the way networks make them: odd ones do no harm.
    """

    glob: str
    halvings: range | None = None

    def __contains__(self, name: object) -> bool:
        """Probabilities are meant by globs that say so alone, not by `*`."""
        alike = str(name).endswith(SUFFIX) == self.glob.endswith(SUFFIX)
        return alike and fnmatchcase(str(name), self.glob)


def parse(sites: str) -> Sequence[Site]:
    """Sites with spaces between; `ConfigError` where they cannot be read."""
    return [_site(word) for word in sites.split()] or [_site("")]


def named(network: nn.Module, sites: Sequence[Site]) -> Mapping[str, nn.Module]:
    """Name -> module, the probabilities of attentions as `NAME.probs`; `ConfigError` where a glob
    names none.
    """
    modules = {name: module for name, module in network.named_modules() if name}
    modules |= attentions(network)
    for site in sites:
        if not any(name in site for name in modules):
            attention = [name for name in modules if name.endswith("attn1")]
            raise ConfigError(
                f"sites: expected a glob that names modules of the network; {site.glob!r} names "
                f"none; self-attention is at {', '.join(attention)}"
            )
    return {name: m for name, m in modules.items() if any(name in site for site in sites)}


@dataclass(frozen=True)
class Visit:
    """Which outputs of a network its sites ask for, told as they are made."""

    sites: Sequence[Site]
    depths: dict[str, int | None] = field(default_factory=dict)  # halvings, where they are asked

    def takes(self, name: str, h: Tensor, size: Size) -> bool:
        """Is this output, a map or its tokens, as fine as asked? `size` is the network's own."""
        asked = [site.halvings for site in self.sites if name in site]
        depth = self.depths[name] = None if None in asked else halvings(h, size)
        return depth is None or any(depth in (fine or ()) for fine in asked)

    def check(self, names: Iterable[str]) -> None:
        """`ConfigError` where a pass went round one of these, or no map was as fine as asked."""
        if silent := sorted(set(names) - set(self.depths)):
            raise ConfigError(
                f"sites: expected modules that a pass goes through; {silent[0]} is none; "
                "leave it out"
            )
        for site in self.sites:
            depths = {d for name, d in self.depths.items() if name in site and d is not None}
            if depths and site.halvings and depths.isdisjoint(site.halvings):
                sides = ", ".join(str(Fraction(1, 2**depth)) for depth in sorted(depths))
                raise ConfigError(
                    f"sites: expected maps as fine as {site.glob} asks; its have sides of {sides} "
                    "of the latent's; write one of these after the @"
                )


def halvings(h: Tensor, size: Size) -> int:
    """How often the sides were halved on the way to h, [B C H W] or [B HW C]. `ConfigError` where h
    is neither: the keys of a prompt, say.
    """
    here = prod(h.shape[2:]) if h.ndim == 4 else h.shape[1]
    depth = max(round(log2(prod(size) / here) / 2), 0)
    if h.ndim not in (3, 4) or here != prod(ceil(side / 2**depth) for side in size):
        raise ConfigError(
            f"sites: expected maps, or their tokens, where @ asks how fine they are; got shape "
            f"{list(h.shape)}; leave the @ out"
        )
    return depth


def _site(word: str) -> Site:
    glob, at, sides = word.partition("@")
    if not at:
        return Site(glob)
    coarse, _, fine = sides.partition("..")
    try:
        most, least = (log2(1 / Fraction(side)) for side in (coarse, fine or coarse))
    except (ValueError, ZeroDivisionError):
        most = least = -1
    if glob.endswith(SUFFIX) or not (most >= least >= 0 and (most % 1, least % 1) == (0, 0)):
        raise ConfigError(
            f"sites: expected GLOB@1/4 or GLOB@1/4..1, in powers of 2 and the coarser first, of "
            f"modules (no {SUFFIX}); got {word!r}"
        )
    return Site(glob, range(int(least), int(most) + 1))
