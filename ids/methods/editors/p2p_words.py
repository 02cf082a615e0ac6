"""Prompt-to-Prompt's alignment of words and tokens between source and target prompt."""

from collections.abc import Mapping, Sequence
from unicodedata import normalize

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ids.core.capabilities import Tokens
from ids.core.errors import DataError

Weights = Float[Tensor, " L"]  # a number per token, L tokens a prompt
Share = float | Sequence[float]  # of the steps: up to this share, or between two
Bounds = Share | Mapping[str, Share]
DEFAULT = "default"  # key of Bounds for the words that are not keys
UNREADABLE = "\ufffd"  # a token that is part of a character decodes to this


def composed(text: str) -> str:
    """The text with each accent and its letter in one code point (NFC), as CLIP's tokenizer
    normalizes it.
    """
    return normalize("NFC", text)


def positions(text: str, tokens: Tokens, word: str | int) -> list[int]:
    """The token positions of a word, or of the word at an index; the start token is 0. Empty if the
    text does not contain the word.

    As released: words are separated by white space, and pieces are matched to words by length,
    after CLIP's normalization (NFC, lower case). `DataError` if the pieces do not add up to the
    words, or the word at this index was cut off.
    """
    words = composed(text).split()
    lengths = [len(other.lower()) for other in words]
    word = word if isinstance(word, int) else composed(word)
    wanted = {index for index, other in enumerate(words) if word in (index, other)}
    found, at, length = [], 0, 0
    for index, piece in enumerate(tokens.pieces, start=1):
        if at in wanted:
            found.append(index)
        length += len(piece)
        if UNREADABLE in piece or at == len(words) or length > lengths[at]:
            raise DataError(
                f"prompt {text!r}: expected words whose tokens are whole characters, to find "
                f"{word!r} among them; got {piece!r} among its pieces; write it in plain letters"
            )
        if length == lengths[at]:
            at, length = at + 1, 0
    if isinstance(word, int) and not found:
        raise DataError(
            f"prompt {text!r}: expected the word {words[word]!r} among its tokens; it was cut off; "
            "shorten the prompt"
        )
    return found


def refinement(source: Tokens, target: Tokens, n: int) -> tuple[Int[Tensor, " L"], Weights]:
    """For each of n target positions its source position (-1 for a new token), and 1 where it has
    one: the best global alignment with scores 1 for a match, -1 for a replacement, 0 for a gap.
    """
    x, y = source.ids, target.ids
    score = [[0] * (len(y) + 1) for _ in range(len(x) + 1)]
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            same = score[i - 1][j - 1] + (1 if x[i - 1] == y[j - 1] else -1)
            score[i][j] = max(score[i][j - 1], score[i - 1][j], same)
    mapper = torch.arange(n)
    i, j = len(x), len(y)
    while j:
        if i == 0 or score[i][j] == score[i][j - 1]:
            j -= 1
            mapper[j] = -1
        elif score[i][j] == score[i - 1][j]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            mapper[j] = i
    return mapper, (mapper >= 0).float()


def replacement(
    source: tuple[str, Tokens], target: tuple[str, Tokens], n: int
) -> Float[Tensor, "L L"]:
    """From n source positions to n target positions, for prompts with as many words: each swapped
    word maps to its counterpart, evenly if their numbers of tokens differ. `DataError` if the
    numbers of words differ.

    As released, tokens after the last swapped word map to their position in the target.
    """
    (text_x, x), (text_y, y) = source, target
    words_x, words_y = composed(text_x).split(), composed(text_y).split()
    if len(words_x) != len(words_y):
        raise DataError(
            f"method p2p: expected prompts of as many words to replace one by one; got {text_x!r} "
            f"and {text_y!r}; set method.words=refine"
        )
    swapped = [k for k, (a, b) in enumerate(zip(words_x, words_y, strict=True)) if a != b]
    spans = [(positions(text_x, x, k), positions(text_y, y, k)) for k in swapped]
    mapper, i, j = torch.zeros(n, n), 0, 0
    while i < n and j < n:
        if spans and spans[0][0][0] == i:
            one, other = spans.pop(0)
            if len(one) == len(other):
                mapper[one, other] = 1
            else:
                mapper[one, other[0] : other[-1] + 1] = 1 / len(other)
            i, j = i + len(one), j + len(other)
        else:
            mapper[i if spans else j, j] = 1
            i, j = i + 1, j + 1
    return mapper


def spans(bounds: Bounds, n_steps: int) -> dict[str, range]:
    """By word, the default first: the range of the n_steps + 1 steps. The default of the default is
    all steps (as released). `ValueError` if a bound is no share.
    """
    by_word = dict(bounds if isinstance(bounds, Mapping) else {DEFAULT: bounds})
    return {word: span(share, n_steps + 1) for word, share in ({DEFAULT: 1.0} | by_word).items()}


def span(share: Share, n_steps: int) -> range:
    """The steps up to a share of them, or between two shares. `ValueError` unless shares are
    numbers of 0 to 1, in order.
    """
    pair = (0.0, share) if isinstance(share, int | float) else tuple(share)
    if len(pair) != 2 or not 0 <= pair[0] <= pair[1] <= 1:
        raise ValueError(f"expected a share, or two in order, of 0 to 1; got {share}")
    return range(*(int(bound * n_steps) for bound in pair))


def crosses(bounds: Bounds, n_steps: int) -> list[bool]:
    """For each of n_steps + 1 steps, whether cross-attention is taken from the source at all."""
    by_word = spans(bounds, n_steps).values()
    return [any(step in steps for steps in by_word) for step in range(n_steps + 1)]


def shares(
    bounds: Bounds, text: str, tokens: Tokens, n_steps: int, n: int
) -> Float[Tensor, "steps L"]:
    """For each of n_steps + 1 steps, 1 at the tokens whose attention is taken from the source: in
    the steps up to a share, between two, or by word (`{default: 0.8, chair: 0.4}`). Keys that the
    prompt does not contain are ignored; words that are no key take the default, or all steps
    without one.
    """
    taken = torch.zeros(n_steps + 1, n)
    for word, steps in spans(bounds, n_steps).items():
        at = slice(None) if word == DEFAULT else positions(text, tokens, word)
        taken[:, at] = 0
        taken[steps.start : steps.stop, at] = 1
    return taken


def weights(values: Mapping[str, float], text: str, tokens: Tokens, n: int) -> Weights:
    """A factor per token: that of its word, else 1. `DataError` for a word not in the text."""
    factors = torch.ones(n)
    for word, value in values.items():
        factors[_found(text, tokens, word)] = value
    return factors


def marked(words: str, text: str, tokens: Tokens, n: int) -> Weights:
    """1 at the tokens of these words, else 0. `DataError` for a word not in the text."""
    chosen = torch.zeros(n)
    for word in words.split():
        chosen[_found(text, tokens, word)] = 1
    return chosen


def _found(text: str, tokens: Tokens, word: str) -> list[int]:
    """Its positions, at least one."""
    found = positions(text, tokens, word)
    if not found:
        raise DataError(
            f"word {word!r}: expected one of the prompt {text!r}, as spaces part it; got none; "
            "change blend or weights of the case"
        )
    return found
