"""Optimizers of torch without its compiler."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

WRAPPED = ("add_param_group", "zero_grad")  # by torch, for code that is compiled


def uncompiled(kind: Callable[..., Any]) -> Callable[..., Any]:
    """The same optimizer, called without the wrappers that import `torch._dynamo` at the first use:
    over a second of every start. Nothing here is compiled. Other callables stay as they are.
    """
    if not (isinstance(kind, type) and issubclass(kind, Optimizer)):
        return kind
    step = inspect.unwrap(kind.step)

    def plain_step(self: Optimizer, *args: Any, **options: Any) -> Any:
        """One update, with gradients as torch's wrapper switches them."""
        with torch.set_grad_enabled(bool(self.defaults.get("differentiable", False))):
            return step(self, *args, **options)

    unwrapped = {name: inspect.unwrap(getattr(kind, name)) for name in WRAPPED}
    return type(kind.__name__, (kind,), {**unwrapped, "step": plain_step})
