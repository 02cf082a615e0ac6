"""T5's text encoder and tokenizer, as Stable Diffusion 3 uses them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ids.core.errors import DataError, WeightsError
from ids.core.weight_files import one_line, read_json

LENGTH = 256  # tokens, with the end token: the default of the diffusers pipeline
WHOLE = "tokenizer.json"


@dataclass(frozen=True)
class T5Text:
    """`vocabulary` is the content of a tokenizer.json. `DataError` for a text of too many tokens,
    unless `truncate` cuts it.
    """

    vocabulary: str = field(repr=False)
    encoder: Any = field(repr=False)
    truncate: bool = False

    def __call__(self, text: str) -> Tensor:
        """The hidden states [1, LENGTH, channels]; padding is attended to, as in training."""
        ids = self._ids(text)
        ids += [self.encoder.config.pad_token_id] * (LENGTH - len(ids))
        states: Tensor = self.encoder(torch.tensor([ids], device=self.encoder.device))[0]
        return states

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._engine.encode(text).ids
        if len(ids) > LENGTH and not self.truncate:
            raise DataError(
                f"prompt {text!r}: expected at most {LENGTH - 1} tokens of T5; got {len(ids) - 1}; "
                "shorten it, or set backbone.truncate=true to cut it off"
            )
        return ids if len(ids) <= LENGTH else [*ids[: LENGTH - 1], ids[-1]]

    @cached_property
    def _engine(self) -> Any:
        return _engine_of(self.vocabulary)


def t5_vocabulary(folder: Path, where: str) -> str:
    """The content of its tokenizer.json. `WeightsError` if it cannot be read."""
    return json.dumps(read_json(folder / WHOLE, f"{where}/{WHOLE}"))


def check_t5_vocabulary(folder: Path, n_embeddings: int, where: str) -> None:
    """`WeightsError` for a tokenizer folder that gives ids beyond the text encoder's
    `n_embeddings`, or does not end a text.
    """
    where = f"{where}: {folder.name}"
    try:
        engine = _engine_of(t5_vocabulary(folder, where))
    except WeightsError:
        raise
    except Exception as error:  # of the tokenizers library, which has one type for all
        raise WeightsError(
            f"{where}/{WHOLE}: expected a T5 tokenizer; it cannot be read ({one_line(error)}); "
            "download the folder again"
        ) from error
    words: Mapping[str, int] = engine.get_vocab()
    wrong = [word for word, token in words.items() if not 0 <= token < n_embeddings]
    if wrong or not words:
        raise WeightsError(
            f"{where}/{WHOLE}: expected ids below the text encoder's vocab_size, {n_embeddings}; "
            f"{len(wrong)} of {len(words)} are not; take tokenizer and text encoder of one model"
        )
    if not engine.encode("").ids:
        raise WeightsError(
            f"{where}/{WHOLE}: expected a tokenizer that ends a text with a token; it adds none; "
            "download the folder again"
        )


def _engine_of(vocabulary: str) -> Any:
    """It neither pads nor truncates."""
    from tokenizers import Tokenizer

    engine = Tokenizer.from_str(vocabulary)
    engine.no_padding()
    engine.no_truncation()
    return engine
