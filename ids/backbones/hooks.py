"""Into a network and out again: hooks on named modules, gone when the `with` ends."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from ids.core.capabilities import Hook
from ids.core.errors import ConfigError
from ids.core.tensors import Features


@contextmanager
def hooked(network: nn.Module, hook: Hook) -> Iterator[None]:
    """The outputs of the modules that `hook.sites` names go through the hook, whatever ends the
    `with`. `ConfigError` where the glob names none.
    """
    with ExitStack() as stack:
        for site, module in _named(network, hook.sites).items():

            def through(_: nn.Module, __: Any, h: Tensor, site: str = site) -> Tensor:
                return hook(site, h)

            stack.callback(module.register_forward_hook(through).remove)
        yield


@contextmanager
def shown(network: nn.Module, sites: str) -> Iterator[Mapping[str, Features]]:
    """While it lasts, what each module that `sites` names gave last, as a map.

    Attention works on tokens: their height and width are those of the innermost module around it
    that was given a map, so that any aspect ratio and any topology will do.
    """
    seen = _Seen(sites)
    with ExitStack() as stack:
        for site in _named(network, sites):
            for outer in _around(site):
                module = network.get_submodule(outer)
                stack.callback(module.register_forward_pre_hook(seen.size(outer)).remove)
        stack.enter_context(hooked(network, seen))
        yield seen.maps


@dataclass(frozen=True)
class _Seen:
    """A hook that changes nothing and keeps everything."""

    sites: str
    maps: dict[str, Features] = field(default_factory=dict)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def size(self, module: str) -> Any:
        def note(_: nn.Module, given: tuple[Any, ...]) -> None:
            if given and isinstance(given[0], Tensor) and given[0].ndim == 4:
                height, width = given[0].shape[-2:]
                self._sizes[module] = (height, width)

        return note

    def __call__(self, site: str, h: Tensor) -> Tensor:
        self.maps[site] = h if h.ndim == 4 else self._as_map(site, h)
        return h

    def _as_map(self, site: str, tokens: Tensor) -> Features:
        sizes = (self._sizes[outer] for outer in _around(site) if outer in self._sizes)
        h: Features = tokens.transpose(1, 2).unflatten(2, next(sizes))
        return h


def _named(network: nn.Module, sites: str) -> dict[str, nn.Module]:
    found = {name: m for name, m in network.named_modules() if fnmatchcase(name, sites)}
    if not found:
        attention = [name for name, _ in network.named_modules() if name.endswith("attn1")]
        raise ConfigError(
            f"sites: expected a glob that names modules of the network; {sites!r} names none; "
            f"self-attention is at {', '.join(attention)}"
        )
    return found


def _around(site: str) -> list[str]:
    """The modules that hold this one, innermost first; the network itself has the empty name."""
    names = site.split(".")
    return [".".join(names[:depth]) for depth in reversed(range(len(names)))]
