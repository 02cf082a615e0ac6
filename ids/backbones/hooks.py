"""Into a network and out again: hooks on named modules, gone when the `with` ends."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ids.backbones.attention import SUFFIX, opened
from ids.backbones.sites import Size, Visit, named, parse
from ids.core.capabilities import Hook
from ids.core.errors import ConfigError
from ids.core.tensors import Features

WHOLE = ""  # the network itself among its modules


@contextmanager
def hooked(network: nn.Module, hook: Hook) -> Iterator[None]:
    """The outputs of the modules that `hook.sites` names go through the hook, whatever ends the
    `with`; of an attention's `.probs`, its probabilities. `ConfigError` where a glob names none,
    one that gives no tensor, or none whose maps are as fine as it says.
    """
    visit, given = Visit(parse(hook.sites)), _Given()
    modules = named(network, visit.sites)
    outputs = {name: m for name, m in modules.items() if not name.endswith(SUFFIX)}
    with ExitStack() as stack:
        given.watch(WHOLE, network, stack)
        for name in modules.keys() - outputs:
            stack.enter_context(opened(modules[name], name, hook))
        for name, module in outputs.items():

            def through(_: nn.Module, __: Any, h: Any, name: str = name) -> Tensor:
                h = _checked(isinstance(h, Tensor), h, name, "a tensor")
                return hook(name, h) if visit.takes(name, h, given.sizes[WHOLE]) else h

            stack.callback(module.register_forward_hook(through).remove)
        yield
    if given.sizes:
        visit.check(outputs)


@contextmanager
def shown(network: nn.Module, sites: str) -> Iterator[Mapping[str, Features]]:
    """While it lasts, what each module that `sites` names gave last, as a map.

    Attention works on tokens: their height and width are those of the innermost module around it
    that was given a map, so that any aspect ratio and any topology will do.
    """
    seen, names = _Seen(sites), named(network, parse(sites))
    with ExitStack() as stack:
        for outer in {outer for name in names for outer in _around(name)}:
            seen.given.watch(outer, network.get_submodule(outer), stack)
        stack.enter_context(hooked(network, seen))
        yield seen.maps


@dataclass(frozen=True)
class _Given:
    """The height and width of what modules were given last."""

    sizes: dict[str, Size] = field(default_factory=dict)

    def watch(self, name: str, module: nn.Module, stack: ExitStack) -> None:
        def note(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            for h in (*given[:1], named.get("hidden_states")):
                if isinstance(h, Tensor) and h.ndim == 4:
                    self.sizes[name] = (h.shape[2], h.shape[3])

        stack.callback(module.register_forward_pre_hook(note, with_kwargs=True).remove)


@dataclass(frozen=True)
class _Seen:
    """A hook that changes nothing and keeps everything."""

    sites: str
    maps: dict[str, Features] = field(default_factory=dict)
    given: _Given = field(default_factory=_Given)

    def __call__(self, site: str, h: Tensor) -> Tensor:
        self.maps[site] = h if h.ndim == 4 else self._as_map(site, h)
        return h

    def _as_map(self, name: str, tokens: Tensor) -> Features:
        sizes = self.given.sizes
        size = next((sizes[outer] for outer in _around(name) if outer in sizes), (0, 0))
        fits = tokens.ndim == 3 and tokens.shape[1] == size[0] * size[1]
        tokens = _checked(fits, tokens, name, "a map, or its tokens")
        h: Features = tokens.transpose(1, 2).unflatten(2, size)
        return h


def _checked(fits: bool, h: Any, name: str, expected: str) -> Any:
    if not fits:
        gave = f"shape {list(h.shape)}" if isinstance(h, Tensor) else type(h).__name__
        raise ConfigError(
            f"sites: expected modules that give {expected}; {name} gave {gave}; leave it out"
        )
    return h


def _around(name: str) -> list[str]:
    """The modules that hold this one, innermost first; last the network itself."""
    names = name.split(".")
    return [".".join(names[:depth]) for depth in reversed(range(len(names)))]
