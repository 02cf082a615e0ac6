"""CLIP's tokenizer from a diffusers folder, in its older and newer layouts."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ids.core.errors import WeightsError
from ids.core.weight_files import check_content, one_line, read_json

WHOLE, WORDS, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
CONFIGS = ("tokenizer_config.json", "special_tokens_map.json")
END = "</w>"  # ends the last piece of a word
UNREADABLE = "\ufffd"  # decoded from a part of a character
STRAY = 16, 0.02  # number or share of words without a merge that a complete vocabulary may have


def check_vocabulary(folder: Path, n_embeddings: int, where: str) -> None:
    """`WeightsError` for a tokenizer folder that would not give the ids that the text encoder was
    trained on: missing or damaged files, or ids beyond its `n_embeddings`.
    """
    where = f"{where}: {folder.name}"
    configs = [
        read_json(folder / name, f"{where}/{name}") for name in CONFIGS if (folder / name).is_file()
    ]
    if not configs:
        raise WeightsError(
            f"{where}: expected {CONFIGS[0]}, which has the padding token; found none; "
            "download the folder again"
        )
    words, merges = _vocabulary(folder, where)
    wrong = [w for w, i in words.items() if type(i) is not int or not 0 <= i < n_embeddings]
    if wrong:
        raise WeightsError(
            f"{where}: expected ids below the text encoder's vocab_size, {n_embeddings}; "
            f"{len(wrong)} are not, such as {wrong[0]!r}: {words[wrong[0]]!r}; "
            "take tokenizer and text encoder of one model"
        )
    merged = {"".join(merge) for merge in merges}
    stray = [w for w in words if len(w.removesuffix(END)) > 1 and w not in merged and w[0] != "<"]
    if len(words) < 3 or not merges or len(stray) > max(STRAY[0], STRAY[1] * len(words)):
        raise WeightsError(
            f"{where}: expected a vocabulary and the merges that form its words; got {len(words)} "
            f"words and {len(merges)} merges, without merges for {len(stray)} words; "
            "download the folder again"
        )
    _check_loaded(load_tokenizer(folder, where), words, where)


def load_tokenizer(folder: Path, where: str) -> Any:
    """A `CLIPTokenizer` from this folder alone; `WeightsError` if it cannot be read."""
    from transformers import CLIPTokenizer

    try:
        return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # transformers and tokenizers each have their own
        raise WeightsError(
            f"{where}: expected a CLIP tokenizer; it cannot be read ({one_line(error)}); "
            "download the folder again"
        ) from error


def engine_of(tokenizer: Any) -> Any:
    """A copy of its engine that neither pads nor truncates. In it, `!` in a prompt is an ordinary
    word also where the folder pads with `!`, as Stable Diffusion 2 does: transformers would read it
    as padding, unlike CLIP's training.
    """
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.backend_tokenizer.to_str())
    ends = (tokenizer.bos_token, tokenizer.eos_token)
    pads = set() if tokenizer.pad_token in ends else {tokenizer.pad_token}
    kept = [token for token in state["added_tokens"] if token["content"] not in pads]
    engine = Tokenizer.from_str(json.dumps(state | {"added_tokens": kept}))
    engine.no_padding()
    engine.no_truncation()
    return engine


def pieces_of(tokenizer: Any, ids: Sequence[int]) -> tuple[str, ...]:
    """The text of each token. A character of several tokens belongs to the last of them; the others
    get empty text.
    """
    pieces, waiting = [], []
    for token in ids:
        waiting.append(token)
        text = tokenizer.decode(waiting).strip()
        whole = UNREADABLE not in text
        pieces.append(text if whole else "")
        waiting = [] if whole else waiting
    if waiting:
        pieces[-1] = tokenizer.decode(waiting).strip()
    return tuple(pieces)


def _vocabulary(folder: Path, where: str) -> tuple[Mapping[str, Any], list[tuple[str, ...]]]:
    if (folder / WHOLE).is_file():
        return _of_whole(read_json(folder / WHOLE, f"{where}/{WHOLE}"), f"{where}/{WHOLE}")
    missing = [name for name in (WORDS, MERGES) if not (folder / name).is_file()]
    if missing:
        raise WeightsError(
            f"{where}: expected {WORDS} and {MERGES}, or {WHOLE}; missing: {', '.join(missing)}; "
            "download the folder again"
        )
    words = read_json(folder / WORDS, f"{where}/{WORDS}")
    added = folder / "added_tokens.json"
    if added.is_file():
        words = words | read_json(added, f"{where}/{added.name}")
    return words, _merges(folder / MERGES, f"{where}/{MERGES}")


def _of_whole(
    content: Mapping[str, Any], where: str
) -> tuple[Mapping[str, Any], list[tuple[str, ...]]]:
    try:
        model = content["model"]
        merges = [tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"]]
        words = dict(model["vocab"]) | {t["content"]: t["id"] for t in content["added_tokens"]}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"{where}: expected a vocabulary and merges; they cannot be read "
            f"({type(error).__name__}: {one_line(error)}); download the folder again"
        ) from error
    return words, merges


def _merges(file: Path, where: str) -> list[tuple[str, ...]]:
    check_content(file, where)
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except ValueError as error:
        raise WeightsError(
            f"{where}: expected text; it cannot be read ({one_line(error)}); download it again"
        ) from error
    lines = [line.rstrip("\r") for line in lines if not line.startswith("#version")]
    merges = [tuple(line.split(" ")) for line in lines if line]
    wrong = next((merge for merge in merges if len(merge) != 2), None)
    if wrong is not None:
        raise WeightsError(
            f"{where}: expected two pieces per line; got {' '.join(wrong)[:40]!r}; it may be cut "
            "short: download it again"
        )
    return merges


def _check_loaded(tokenizer: Any, words: Mapping[str, int], where: str) -> None:
    """The loaded tokenizer gives every word its id, and has all special tokens."""
    known = tokenizer.get_vocab()
    wrong = [word for word, token in words.items() if known.get(word) != token]
    special = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token)
    missing = [str(token) for token in special if token not in words]
    if wrong or missing:
        fault = f"{len(wrong)} words have others, such as {wrong[0]!r}" if wrong else ""
        raise WeightsError(
            f"{where}: expected the ids in its files; "
            f"{fault or f'its vocabulary has no {missing[0]}'}; download the folder again"
        )
