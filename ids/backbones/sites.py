"""Selection of the modules of a network, by name and by the resolution of their maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cached_property
from math import ceil, log2, prod

from torch import Tensor, nn

from ids.backbones.attention import SUFFIX, attentions
from ids.core.errors import ConfigError

Size = tuple[int, int]  # height and width of the network's input
WHOLE = ""  # the network itself among its modules


@dataclass(frozen=True)
class Site:
    """`up_blocks.*.conv2`: modules by a glob. `up_blocks.*.conv2@1/4`: those whose maps have a
    quarter of the sides of the network's input; `@1/4..1`: from a quarter to all of it.

    The resolution is read from the maps in a pass, so that any topology will do. Sides are
    counted in halvings, as networks produce them, so that odd sides are rounded as theirs are.
    """

    glob: str
    halvings: range | None = None

    def __contains__(self, name: object) -> bool:
        """Whether the glob matches. Probabilities are matched only by globs ending in `.probs`."""
        alike = str(name).endswith(SUFFIX) == self.glob.endswith(SUFFIX)
        return alike and fnmatchcase(str(name), self.glob)


def parse_sites(sites: str) -> Sequence[Site]:
    """Sites separated by spaces; `ConfigError` for a malformed one."""
    return [_site(word) for word in sites.split()] or [_site("")]


def select_modules(network: nn.Module, sites: Sequence[Site]) -> Mapping[str, nn.Module]:
    """Name -> module, the probabilities of attentions as `NAME.probs`; `ConfigError` for a glob
    that matches nothing.
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


@dataclass(frozen=True, eq=False)
class Selection:
    """The modules of a network that `sites` names, found once for all passes. `ConfigError` for a
    malformed site, or a glob that matches nothing.
    """

    network: nn.Module = field(repr=False)
    sites: str

    @cached_property
    def parsed(self) -> Sequence[Site]:
        """The sites, one per glob."""
        return parse_sites(self.sites)

    @cached_property
    def probabilities(self) -> Mapping[str, nn.Module]:
        """Site of its probabilities -> attention."""
        return {name: m for name, m in self._modules.items() if name.endswith(SUFFIX)}

    @cached_property
    def outputs(self) -> Mapping[str, nn.Module]:
        """Name -> module whose output is selected."""
        return {name: m for name, m in self._modules.items() if not name.endswith(SUFFIX)}

    @cached_property
    def halvings(self) -> Mapping[str, Sequence[range] | None]:
        """Name -> the depths at which its output is selected; None at every depth."""
        wanted = {name: [s.halvings for s in self.parsed if name in s] for name in self.outputs}
        return {
            name: None if None in depths else [depth for depth in depths if depth]
            for name, depths in wanted.items()
        }

    @cached_property
    def around(self) -> Mapping[str, nn.Module]:
        """Name -> every module that encloses a selected one; the network itself is `WHOLE`."""
        names = {outer for name in self._modules for outer in enclosing(name)}
        return {name: self.network.get_submodule(name) for name in sorted(names)}

    @cached_property
    def _modules(self) -> Mapping[str, nn.Module]:
        return select_modules(self.network, self.parsed)


def enclosing(name: str) -> Sequence[str]:
    """The modules that enclose this one, innermost first; the network itself is last."""
    names = name.split(".")
    return [".".join(names[:depth]) for depth in reversed(range(len(names)))]


@dataclass(frozen=True)
class Visit:
    """The selection of outputs during the passes of a network."""

    selection: Selection
    depths: dict[str, int | None] = field(default_factory=dict)  # name -> halvings, if they matter

    def takes(self, name: str, h: Tensor, size: Size) -> bool:
        """Does a site select this output, a map or its tokens; `size` is of the network's input."""
        wanted = self.selection.halvings[name]
        depth = self.depths[name] = None if wanted is None else halvings(h, size)
        return wanted is None or any(depth in fine for fine in wanted)

    def check(self) -> None:
        """`ConfigError` if a pass skipped a selected module, or a site selected no map."""
        if silent := sorted(set(self.selection.outputs) - set(self.depths)):
            raise ConfigError(
                f"sites: expected modules that a pass runs through; it skips {silent[0]}; "
                "leave it out"
            )
        for site in self.selection.parsed:
            depths = {d for name, d in self.depths.items() if name in site and d is not None}
            if depths and site.halvings and depths.isdisjoint(site.halvings):
                sides = ", ".join(str(Fraction(1, 2**depth)) for depth in sorted(depths))
                raise ConfigError(
                    f"sites: expected maps of the resolution in {site.glob}; its maps have "
                    f"{sides} of the latent's sides; write one of these after the @"
                )


def halvings(h: Tensor, size: Size) -> int:
    """How often the sides were halved on the way to h, [B C H W] or [B HW C]. `ConfigError` if h is
    neither, such as the keys of a prompt.
    """
    n_positions = prod(h.shape[2:]) if h.ndim == 4 else h.shape[1]
    depth = max(round(log2(prod(size) / n_positions) / 2), 0)
    if h.ndim not in (3, 4) or n_positions != prod(ceil(side / 2**depth) for side in size):
        raise ConfigError(
            f"sites: expected maps or their tokens at a site with an @; got shape "
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
