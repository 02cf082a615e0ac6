"""A model folder of transformers with an image-text network: found, checked, opened. No code in it
is run, and no pickled object but tensors.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ids.core.errors import WeightsError
from ids.core.hub import cached, fetch
from ids.core.needed import NeededFile, needed_file
from ids.core.weight_files import (
    VOCABULARY,
    check_content,
    digest_of,
    headers_in,
    one_line,
    read_json,
)
from ids.metrics.weights import check_vocabulary, check_weights

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first is preferred
PREPROCESSING = ("preprocessor_config.json", "processor_config.json")  # before and since version 5
SMALL = (CONFIG, *PREPROCESSING, *VOCABULARY)


@dataclass(frozen=True)
class Preprocessing:
    """The input of a network: `side` pixels square, minus `mean` over `std` per channel."""

    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class TransformersFolder:
    """`path` is a local folder or a hub id, `kind` its `model_type`, `option` the option that names
    it, in messages. Every method raises `WeightsError` for a folder that is missing, incomplete,
    damaged or of another kind.
    """

    path: str
    kind: str
    option: str

    def weights_id(self) -> str:
        """The folder's name, and eight digits of a digest of all that decides its numbers."""
        folder = self._folder()
        names = (*SMALL, self._weights(folder).name)
        used = [(n, digest_of(folder / n)) for n in names if (folder / n).is_file()]
        digest = hashlib.sha256(json.dumps(used).encode()).hexdigest()[:8]
        return f"{Path(self.path).name}-{digest}"

    def files(self) -> list[NeededFile]:
        """Configuration, weights and tokenizer, without network access."""
        folder = self._local() or cached(self.path)
        if folder is None:
            place = f"the hub's cache: {self.path}"
            return [NeededFile(self.kind, place, None, self._remedy, f"hf://{self.path}")]
        hub = "" if self._local() else f"hf://{self.path}/"
        weights = next((name for name in WEIGHTS if (folder / name).is_file()), WEIGHTS[0])
        names = (CONFIG, weights, PREPROCESSING[0], *self._words(folder))
        return [
            needed_file(f"{self.kind} {name}", folder / name, self._remedy, hub and hub + name)
            for name in names
        ]

    def open(self, architecture: str) -> Any:
        """The network of this class of transformers, with every weight of the file: float32,
        frozen, on the CPU.
        """
        import transformers

        folder = self._folder()
        weights = self._weights(folder)
        try:
            with _without_bar():
                network, found = getattr(transformers, architecture).from_pretrained(
                    str(folder),
                    local_files_only=True,
                    trust_remote_code=False,
                    use_safetensors=weights.name == WEIGHTS[0],
                    ignore_mismatched_sizes=True,  # they are named below
                    output_loading_info=True,
                    dtype="float32",
                )
        except Exception as error:  # transformers, torch and safetensors raise many types
            raise self._fault(
                f"a {architecture}; it cannot be loaded ({one_line(error)})"
            ) from error
        for what in ("missing_keys", "mismatched_keys"):
            if names := sorted(map(str, found[what])):
                fault = f"{len(names)} {what.replace('_keys', ' tensors')}, such as {names[0]}"
                raise self._fault(f"the tensors of the {architecture} in its {CONFIG}; {fault}")
        check_weights(network, self.option, weights)
        return network.eval().requires_grad_(False)

    def tokenizer(self, n_embeddings: int) -> Any:
        """CLIP's tokenizer, whose ids are those of a network with so many embeddings."""
        from transformers import CLIPTokenizer

        folder = self._folder()
        missing = [name for name in self._words(folder) if not (folder / name).is_file()]
        if missing:
            raise self._fault(f"a tokenizer; missing: {', '.join(missing)}")
        try:
            tokenizer = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:  # transformers and tokenizers each have their own
            raise self._fault(f"a CLIP tokenizer; it cannot be read ({one_line(error)})") from error
        check_vocabulary(tokenizer.get_vocab().values(), n_embeddings, self.option, f"in {folder}")
        return tokenizer

    def preprocessing(self) -> Preprocessing:
        """Size, mean and deviation of the network's input."""
        folder = self._folder()
        file = next((folder / n for n in PREPROCESSING if (folder / n).is_file()), None)
        if file is None:
            raise self._fault(f"{PREPROCESSING[0]}; found none")
        found = read_json(file, f"{self.option}: {file}")
        try:
            return _preprocessing(found.get("image_processor", found))
        except (KeyError, TypeError, ValueError) as error:
            raise self._fault(
                f"a size, image_mean and image_std in {file.name}; they cannot be read "
                f"({type(error).__name__}: {one_line(error)})"
            ) from error

    def _folder(self) -> Path:
        """With its configuration checked."""
        folder = self._local() or self._fetched()
        if not folder.is_dir():
            raise self._fault("a local folder or a hub id; no such folder exists")
        for name in SMALL:
            if name.endswith(".json") and (name == CONFIG or (folder / name).is_file()):
                found = read_json(folder / name, f"{self.option}: {folder / name}")
                if name == CONFIG and found.get("model_type") != self.kind:
                    raise self._fault(f"a {self.kind} model; it is {found.get('model_type')!r}")
        return folder

    def _local(self) -> Path | None:
        """None for a hub id. The folder may not exist."""
        local = Path(self.path).expanduser()
        return local if local.is_dir() or self.path.startswith((".", "/", "~")) else None

    def _fetched(self) -> Path:
        """The files of a hub id; a pickle only where no safetensors file exists."""
        folder = fetch(self.path, [*SMALL, WEIGHTS[0]], self.option, self._remedy)
        if not (folder / WEIGHTS[0]).is_file():
            fetch(self.path, [*SMALL, *WEIGHTS], self.option, self._remedy)
        return folder

    def _weights(self, folder: Path) -> Path:
        file = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
        if file is None:
            raise self._fault(f"{WEIGHTS[0]}; found no weights")
        check_content(file, f"{self.option}: {file}")
        if file.suffix == ".safetensors":
            headers_in(file, f"{self.option}: {file}")
        return file

    def _words(self, folder: Path) -> tuple[str, ...]:
        whole = (folder / "tokenizer.json").is_file()
        return ("tokenizer.json",) if whole else ("vocab.json", "merges.txt")

    @property
    def _remedy(self) -> str:
        names = f"{CONFIG}, {WEIGHTS[0]}, {PREPROCESSING[0]} and the tokenizer"
        return (
            f"fetch {names} of that model into a folder and set {self.option}=/path/to/folder, "
            "or point HF_HOME at a cache that holds it"
        )

    def _fault(self, expected: str) -> WeightsError:
        return WeightsError(f"{self.option}: {self.path}: expected {expected}; {self._remedy}")


@contextmanager
def _without_bar() -> Iterator[None]:
    """transformers draws a bar while it fills a network."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _preprocessing(found: Mapping[str, Any]) -> Preprocessing:
    """`crop_size`, where there is one, is the size of the input: `size` may be the shorter side's.
    Sizes are a number, or a dictionary of equal numbers.
    """
    size = found.get("crop_size") if found.get("do_center_crop") else None
    size = found["size"] if size is None else size
    sides = {int(side) for side in (size.values() if isinstance(size, Mapping) else [size])}
    mean, std = (tuple(map(float, found[key])) for key in ("image_mean", "image_std"))
    if len(sides) != 1 or len(mean) != 3 or len(std) != 3:
        raise ValueError(f"got {size}, {mean}, {std}")
    return Preprocessing(sides.pop(), mean, std)
