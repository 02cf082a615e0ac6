"""Tokenizer folders in older and newer layouts: the ids that the text encoder was trained on, or
an error.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ids.backbones import StableDiffusion
from ids.backbones.clip_tokenizer import check_vocabulary
from ids.backbones.latent_diffusion import ClipText
from ids.core.errors import DataError, WeightsError
from ids.methods.editors.p2p_words import (
    marked,
    positions,
    refinement,
    replacement,
    shares,
    weights,
)

START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = ("c a", "ca t</w>", "d o", "do g</w>", "i n</w>")


def byte_letters() -> list[str]:
    """CLIP's characters for the 256 bytes, in its order: `!` is the first."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return [*map(chr, plain), *(chr(256 + k) for k in range(len(others)))]


LETTERS = byte_letters()
VOCABULARY = [*LETTERS, *(c + "</w>" for c in LETTERS), *(m.replace(" ", "") for m in MERGES)]
IDS = {word: number for number, word in enumerate([*VOCABULARY, START, END])}


def write(folder: Path, pad: str = END, **config: object) -> Path:
    """The layout of Stable Diffusion 1.x and 2.x: no tokenizer.json, and two files that name the
    padding token, of which the second is right.
    """
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(IDS))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))

    def token(text: str) -> dict[str, Any]:
        return {
            "content": text,
            "lstrip": False,
            "normalized": True,
            "rstrip": False,
            "single_word": False,
        }

    named = {"bos_token": START, "eos_token": END, "unk_token": END}
    tokens = {key: {"__type": "AddedToken", **token(text)} for key, text in named.items()}
    settings = {"tokenizer_class": "CLIPTokenizer", "do_lower_case": True, "pad_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens | settings | config))
    special = {key: token(text) for key, text in named.items()} | {"pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    return folder


@pytest.fixture(scope="module")
def encoder() -> CLIPTextModel:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    more = {"num_attention_heads": 2, "max_position_embeddings": 77, "vocab_size": len(IDS)}
    ends = {"bos_token_id": IDS[START], "eos_token_id": IDS[END]}
    return CLIPTextModel(CLIPTextConfig(**sizes, **more, **ends)).eval()


def text(folder: Path, encoder: CLIPTextModel) -> ClipText:
    return ClipText(CLIPTokenizer.from_pretrained(folder, local_files_only=True), encoder)


@pytest.mark.parametrize(("pad", "padding"), [(END, IDS[END]), ("!", 0)])
@pytest.mark.parametrize("length", [{"model_max_length": 77}, {}, {"model_max_length": 500}])
def test_old_layouts_give_the_ids_and_padding_of_their_training(
    tmp_path: Path, encoder: CLIPTextModel, pad: str, padding: int, length: Mapping[str, int]
) -> None:
    read = text(write(tmp_path / "tokenizer", pad, **length), encoder)
    words = [IDS[w] for w in ("cat</w>", "dog</w>", "!</w>", "in</w>")]
    ids = [IDS[START], *words, IDS[END]]
    padded = torch.tensor([ids + [padding] * (77 - len(ids))])
    with torch.no_grad():
        right = encoder(padded).last_hidden_state
    assert torch.equal(read(["CAT  dog! in"]).embedding, right)
    assert read.tokens("CAT  dog! in") == (tuple(ids), ("cat", "dog", "!", "in"))
    with pytest.raises(DataError, match="expected at most 75 tokens; got 76"):
        read(["cat " * 76])


def tokenizer_of(folder: Path) -> Path:
    return write(folder / "tokenizer")


def words_file(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        found = json.loads((folder / "vocab.json").read_text())
        edit(found)
        (folder / "vocab.json").write_text(json.dumps(found))

    return change


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no merges": (lambda f: (f / "merges.txt").unlink(), r"missing: merges\.txt"),
    "no vocabulary": (lambda f: (f / "vocab.json").unlink(), r"missing: vocab\.json"),
    "neither file": (
        lambda f: [(f / n).unlink() for n in ("vocab.json", "merges.txt")],
        r"missing: vocab\.json, merges\.txt",
    ),
    "no configuration": (
        lambda f: [(f / n).unlink() for n in ("tokenizer_config.json", "special_tokens_map.json")],
        r"expected tokenizer_config\.json, which has the padding token",
    ),
    "no words": (lambda f: (f / "vocab.json").write_text("{}"), "got 0 words"),
    "empty of merges": (
        lambda f: (f / "merges.txt").write_text("#version: 0.2\n"),
        "0 merges",
    ),
    "merges cut short": (
        lambda f: (f / "merges.txt").write_text("#version: 0.2\nc a\nca"),
        "expected two pieces per line; got 'ca'",
    ),
    "merges that are empty": (lambda f: (f / "merges.txt").write_text(""), "the file is empty"),
    "a word beyond the encoder": (
        words_file(lambda ids: ids.update(dogcat=9999)),
        "ids below the text encoder's vocab_size, 519; 1 are not, such as 'dogcat'",
    ),
    "ids in words": (words_file(lambda ids: ids.update({"cat</w>": "1"})), "1 are not"),
    "no end": (words_file(lambda ids: ids.pop(END)), f"has no {re.escape(END)}"),
    "words without merges": (
        words_file(lambda ids: ids.update({f"word{k}</w>": 1 for k in range(40)})),
        "without merges for 40 words",
    ),
    "a pointer": (
        lambda f: (f / "vocab.json").write_text("version https://git-lfs.github.com/spec/v1\n"),
        r"tokenizer/vocab\.json: .*git-lfs pointer",
    ),
    "broken JSON": (
        lambda f: (f / "special_tokens_map.json").write_text("{"),
        r"special_tokens_map\.json: expected JSON",
    ),
    "code": (
        lambda f: (f / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": "x"}}'),
        "it asks for auto_map",
    ),
    "another kind of whole": (
        lambda f: (f / "tokenizer.json").write_text('{"model": {"type": "WordLevel"}}'),
        r"tokenizer\.json: expected a vocabulary and merges",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_tokenizer_is_refused_by_name(tmp_path: Path, fault: str) -> None:
    folder, (change, words) = write(tmp_path / "tokenizer"), FAULTS[fault]
    check_vocabulary(folder, len(IDS), "backbone x")
    change(folder)
    with pytest.raises(WeightsError, match=words) as raised:
        check_vocabulary(folder, len(IDS), "backbone x")
    assert "\n" not in str(raised.value)


def test_the_digest_depends_on_the_vocabulary_and_not_on_other_files(
    tiny_sd: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_sd, tmp_path / "sd"))
    before = StableDiffusion(str(folder)).identity()
    (folder / "tokenizer" / "notes.txt").write_text("mine")
    (folder / "unet" / "notes.json").write_text("{}")
    assert StableDiffusion(str(folder)).identity() == before
    file = folder / "tokenizer" / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"note": 1}))
    assert StableDiffusion(str(folder)).identity() != before


ACCENTS = (
    ("a café with a dog in", "dog"),
    ("über café dog in cat", "café"),
    ("naïve dog in", "in"),
)


@pytest.mark.parametrize(("prompt", "word"), ACCENTS)
def test_accents_in_one_code_point_and_in_two_are_the_same_words(
    tmp_path: Path, encoder: CLIPTextModel, prompt: str, word: str
) -> None:
    from unicodedata import normalize

    read, n = text(write(tmp_path / "tokenizer"), encoder), 77
    one, two = (read.tokens(normalize(form, prompt)) for form in ("NFC", "NFD"))
    assert one == two
    prompts = (read([normalize(form, prompt)]) for form in ("NFC", "NFD"))
    assert torch.equal(*(y.embedding for y in prompts))
    spelled = "".join(one.pieces[i - 1] for i in positions(prompt, one, word))
    assert spelled == word
    for typed in ("NFC", "NFD"):
        for other in ("NFC", "NFD"):
            p, w = normalize(typed, prompt), normalize(other, word)
            assert positions(p, one, w) == positions(prompt, one, word)
            assert marked(w, p, one, n).any()
            assert weights({w: 2.0}, p, one, n).max() == 2
            assert torch.equal(
                shares({w: 0.5}, p, one, 9, n), shares({word: 0.5}, prompt, one, 9, n)
            )
            same = replacement((p, one), (normalize(other, prompt), two), n)
            assert torch.equal(same, torch.eye(n))
    mapper, aligned = refinement(one, two, n)
    assert aligned.all()
    assert mapper.tolist() == list(range(n))


def test_characters_of_several_tokens_are_counted_as_one(
    tmp_path: Path, encoder: CLIPTextModel
) -> None:
    read = text(write(tmp_path / "tokenizer"), encoder)
    prompt = "a “dog” 🙂 in İn cat"
    tokens = read.tokens(prompt)
    assert "".join(tokens.pieces) == "a“dog”🙂ini̇ncat"
    (at,) = positions(prompt, tokens, "cat")
    assert at == len(tokens.pieces)
    assert tokens.pieces[positions(prompt, tokens, "🙂")[-1] - 1] == "🙂"
    assert len(positions(prompt, tokens, "🙂")) == 4
    with pytest.raises(DataError, match="whole characters"):
        positions("a \ufffd cat", read.tokens("a \ufffd cat"), "cat")
