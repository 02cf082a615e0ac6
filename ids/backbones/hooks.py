"""Into a network and out again: hooks on named modules, gone when the `with` ends."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from ids.backbones.attention import SUFFIX, attentions, opened
from ids.core.capabilities import Hook
from ids.core.errors import ConfigError
from ids.core.tensors import Features


@contextmanager
def hooked(network: nn.Module, hook: Hook) -> Iterator[None]:
    """The outputs of the modules that `hook.sites` names go through the hook, whatever ends the
    `with`; of an attention's `.probs`, its probabilities. `ConfigError` where the glob names none,
    or one that gives no tensor.
    """
    with ExitStack() as stack:
        for site, module in _named(network, hook.sites).items():
            if site.endswith(SUFFIX):
                stack.enter_context(opened(module, site, hook))
                continue

            def through(_: nn.Module, __: Any, h: Any, site: str = site) -> Tensor:
                return hook(site, _checked(isinstance(h, Tensor), h, site, "a tensor"))

            stack.callback(module.register_forward_hook(through).remove)
        yield


@contextmanager
def shown(network: nn.Module, sites: str) -> Iterator[Mapping[str, Features]]:
    """While it lasts, what each module that `sites` names gave last, as a map.

    Attention works on tokens: their height and width are those of the innermost module around it
    that was given a map, so that any aspect ratio and any topology will do.
    """
    seen, named = _Seen(sites), _named(network, sites)
    with ExitStack() as stack:
        for outer in {outer for site in named for outer in _around(site)}:
            module = network.get_submodule(outer)
            handle = module.register_forward_pre_hook(seen.size(outer), with_kwargs=True)
            stack.callback(handle.remove)
        stack.enter_context(hooked(network, seen))
        yield seen.maps
    if silent := sorted(set(named) - set(seen.maps)):
        raise ConfigError(
            f"sites: expected modules that a pass goes through; {silent[0]} is none; leave it out"
        )


@dataclass(frozen=True)
class _Seen:
    """A hook that changes nothing and keeps everything."""

    sites: str
    maps: dict[str, Features] = field(default_factory=dict)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def size(self, module: str) -> Any:
        def note(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            for h in (*given[:1], named.get("hidden_states")):
                if isinstance(h, Tensor) and h.ndim == 4:
                    self._sizes[module] = (h.shape[2], h.shape[3])

        return note

    def __call__(self, site: str, h: Tensor) -> Tensor:
        self.maps[site] = h if h.ndim == 4 else self._as_map(site, h)
        return h

    def _as_map(self, site: str, tokens: Tensor) -> Features:
        size = next((self._sizes[o] for o in _around(site) if o in self._sizes), (0, 0))
        fits = tokens.ndim == 3 and tokens.shape[1] == size[0] * size[1]
        tokens = _checked(fits, tokens, site, "a map, or its tokens")
        h: Features = tokens.transpose(1, 2).unflatten(2, size)
        return h


def _checked(fits: bool, h: Any, site: str, expected: str) -> Any:
    if not fits:
        gave = f"shape {list(h.shape)}" if isinstance(h, Tensor) else type(h).__name__
        raise ConfigError(
            f"sites: expected modules that give {expected}; {site} gave {gave}; leave it out"
        )
    return h


def _named(network: nn.Module, sites: str) -> dict[str, nn.Module]:
    modules = dict(network.named_modules())
    if SUFFIX in sites:
        modules |= attentions(network)
    globs = sites.split()
    found = {
        name: module
        for name, module in modules.items()
        if name and any(fnmatchcase(name, glob) for glob in globs)
    }
    if not found:
        attention = [name for name in modules if name.endswith("attn1")]
        raise ConfigError(
            f"sites: expected a glob that names modules of the network; {sites!r} names none; "
            f"self-attention is at {', '.join(attention)}"
        )
    return found


def _around(site: str) -> list[str]:
    """The modules that hold this one, innermost first; the network itself has the empty name."""
    names = site.split(".")
    return [".".join(names[:depth]) for depth in reversed(range(len(names)))]
