"""A backbone that is in memory already, as a source: experiments and sessions take it like one from
a folder.
"""

import dataclasses
import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ids.core.capabilities import NAMES
from ids.core.errors import ConfigError, UnsupportedError
from ids.core.protocols import Backbone

PLAIN = bool | int | float | str | None | torch.dtype
OPAQUE = ("transformers", "tokenizers")  # tokenizers: only their class is part of a digest
UNSTABLE = ("transformers_version",)  # entries of a configuration that change no result


@dataclass(frozen=True, eq=False)
class LoadedBackbone:
    """A backbone object, its name in tables, and the digest that identifies it in keys of results.
    `LoadedBackbone.of` computes the digest.
    """

    backbone: Backbone
    name: str
    weights_id: str
    gives: frozenset[type] = frozenset()

    @classmethod
    def of(cls, backbone: object, name: str) -> "LoadedBackbone":
        """Reads every parameter once. A backbone whose parameters change later needs a new source.
        `UnsupportedError` where the object is no backbone.
        """
        if not isinstance(backbone, Backbone):
            raise UnsupportedError(
                "backbone: expected an object with schedule, encode, decode, prompt and eps; got "
                f"{type(backbone).__name__}; see ids.core.protocols.Backbone"
            )
        return cls(backbone, name, digest_of_weights(backbone), capabilities_of(backbone))

    def identity(self) -> Mapping[str, str]:
        """What of it decides the results."""
        return {"loaded": self.weights_id}

    def load(self, device: torch.device) -> Backbone:
        """The backbone itself. `ConfigError` where it is on another device."""
        place = self.device
        if place is not None and not _same(place, device):
            raise ConfigError(
                f"engine.device: expected {place}, where the backbone {self.name} is; got "
                f"{device}; set engine.device={place}, or move the backbone"
            )
        return self.backbone

    @property
    def device(self) -> torch.device | None:
        """Of its first tensor; None for a backbone without tensors."""
        tensors = (value for _, value in _leaves(self.backbone) if isinstance(value, Tensor))
        return next((tensor.device for tensor in tensors), None)


def capabilities_of(backbone: Backbone) -> frozenset[type]:
    """The protocols of `ids.core.capabilities` that a backbone, or its schedule, has."""
    parts = (backbone, backbone.schedule)
    return frozenset(kind for kind in NAMES if any(isinstance(part, kind) for part in parts))


def digest_of_weights(backbone: object) -> str:
    """SHA-256, in 32 hexadecimal digits, of all tensors, numbers and texts that an object is
    composed of: attributes, modules with their configurations, collections. Private fields of
    dataclasses are caches, and left out.
    """
    digest = hashlib.sha256()
    for path, value in _leaves(backbone):
        text = f"{value.dtype}{[*value.shape]}" if isinstance(value, Tensor) else repr(value)
        digest.update(f"{path}={text}\0".encode())
        if isinstance(value, Tensor):
            flat = value.detach().cpu().contiguous().view(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]


def _leaves(root: object) -> Iterator[tuple[str, object]]:
    """Path and value of every tensor, number and text, in a fixed order; of other objects, the name
    of their class. Each object is entered once.
    """
    entered, todo = {id(root): root}, [("", root)]  # held, so that no id is used again
    while todo:
        path, node = todo.pop()
        if isinstance(node, Tensor | PLAIN):
            yield path, node
            continue
        yield path, f"{type(node).__module__}.{type(node).__qualname__}"
        for name, child in sorted(_children(node).items(), reverse=True):
            if isinstance(child, np.ndarray):
                child = torch.from_numpy(child)
            if isinstance(child, Tensor | PLAIN) or id(child) not in entered:
                entered[id(child)] = child
                todo.append((f"{path}.{name}", child))


def _children(node: object) -> dict[str, object]:
    if isinstance(node, nn.Module):
        return dict(node.state_dict()) | {"config": _config(getattr(node, "config", None))}
    if dataclasses.is_dataclass(node):
        fields = [field.name for field in dataclasses.fields(node)]
        return {name: getattr(node, name) for name in fields if not name.startswith("_")}
    if isinstance(node, Mapping):
        return {str(key): value for key, value in node.items()}
    if isinstance(node, list | tuple):
        return {f"{index:06}": value for index, value in enumerate(node)}
    package = type(node).__module__.partition(".")[0]
    opaque = package in OPAQUE or package in sys.stdlib_module_names
    return {} if opaque else dict(getattr(node, "__dict__", {}))


def _config(config: object) -> dict[str, object]:
    """Of a module of diffusers or transformers: scaling factors and activations are not in its
    tensors.
    """
    entries = config if isinstance(config, Mapping) else getattr(config, "to_dict", dict)()
    return {
        key: value
        for key, value in entries.items()
        if not str(key).startswith("_") and key not in UNSTABLE
    }


def _same(one: torch.device, other: torch.device) -> bool:
    """`cuda` is `cuda:0`."""
    return (one.type, one.index or 0) == (other.type, other.index or 0)
