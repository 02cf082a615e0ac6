"""Hooks on named modules of a network, removed when the `with` ends."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ids.backbones.attention import open_attention
from ids.backbones.sites import WHOLE, Selection, Size, Visit, enclosing
from ids.core.capabilities import Hook
from ids.core.errors import ConfigError
from ids.core.tensors import Features


@contextmanager
def hooked(selection: Selection, hook: Hook) -> Iterator[None]:
    """Pass the outputs of the selected modules through the hook; for an attention's `.probs`, its
    probabilities. `ConfigError` for a glob that matches no module, a module that returns no tensor,
    or a resolution that no matched module has.
    """
    visit, inputs = Visit(selection), _InputSizes()
    with ExitStack() as stack:
        inputs.watch(WHOLE, selection.network, stack)
        for name, attention in selection.probabilities.items():
            stack.enter_context(open_attention(attention, name, hook))
        for name, module in selection.outputs.items():

            def through(_: nn.Module, __: Any, h: Any, name: str = name) -> Tensor:
                h = _checked(isinstance(h, Tensor), h, name, "a tensor")
                return hook(name, h) if visit.takes(name, h, inputs.sizes[WHOLE]) else h

            stack.callback(module.register_forward_hook(through).remove)
        yield
    if inputs.sizes:
        visit.check()


@contextmanager
def recorded_maps(selection: Selection) -> Iterator[Mapping[str, Features]]:
    """The latest output of each selected module, as a map [B C H W], while the `with` lasts.

    Attention works on tokens: their height and width are those of the innermost enclosing module
    with a map as its input, for any aspect ratio and any topology.
    """
    recorder = _MapRecorder(selection.sites)
    with ExitStack() as stack:
        for name, outer in selection.around.items():
            recorder.inputs.watch(name, outer, stack)
        stack.enter_context(hooked(selection, recorder))
        yield recorder.maps


@dataclass(frozen=True)
class _InputSizes:
    """Height and width of the latest input of modules."""

    sizes: dict[str, Size] = field(default_factory=dict)

    def watch(self, name: str, module: nn.Module, stack: ExitStack) -> None:
        def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            for h in (*args[:1], kwargs.get("hidden_states")):
                if isinstance(h, Tensor) and h.ndim == 4:
                    self.sizes[name] = (h.shape[2], h.shape[3])

        stack.callback(module.register_forward_pre_hook(note, with_kwargs=True).remove)


@dataclass(frozen=True)
class _MapRecorder:
    """A hook that records outputs and changes none."""

    sites: str
    maps: dict[str, Features] = field(default_factory=dict)
    inputs: _InputSizes = field(default_factory=_InputSizes)

    def __call__(self, site: str, h: Tensor) -> Tensor:
        self.maps[site] = h if h.ndim == 4 else self._as_map(site, h)
        return h

    def _as_map(self, name: str, tokens: Tensor) -> Features:
        sizes = self.inputs.sizes
        size = next((sizes[outer] for outer in enclosing(name) if outer in sizes), (0, 0))
        fits = tokens.ndim == 3 and tokens.shape[1] == size[0] * size[1]
        tokens = _checked(fits, tokens, name, "a map, or its tokens")
        h: Features = tokens.transpose(1, 2).unflatten(2, size)
        return h


def _checked(fits: bool, h: Any, name: str, expected: str) -> Any:
    if not fits:
        got = f"shape {list(h.shape)}" if isinstance(h, Tensor) else type(h).__name__
        raise ConfigError(
            f"sites: expected modules that return {expected}; {name} returned {got}; leave it out"
        )
    return h
