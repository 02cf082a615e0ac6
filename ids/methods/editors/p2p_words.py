"""Which token of the target prompt is which of the source's: Prompt-to-Prompt's bookkeeping."""

from collections.abc import Mapping, Sequence
from unicodedata import normalize

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ids.core.capabilities import Tokens
from ids.core.errors import DataError

Weights = Float[Tensor, " L"]  # a number per token, L tokens a prompt
Share = float | Sequence[float]  # up to this share of the steps, or between two
Bounds = Share | Mapping[str, Share]
DEFAULT = "default"  # of Bounds: what holds for words that are not named
UNREADABLE = "\ufffd"  # what a part of a character decodes to


def composed(text: str) -> str:
    """With an accent and its letter in one code point, as CLIP reads them: a word typed in two is
    the same word.
    """
    return normalize("NFC", text)


def positions(text: str, tokens: Tokens, word: str | int) -> list[int]:
    """Where a word, or the word of that index, stands among the tokens; the start token is 0.

    As released: words are what spaces part, and pieces are counted off against their lengths. Both
    are taken as CLIP reads them: composed and in lower case. `DataError` where the pieces do not
    spell the words, and cannot be counted.
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
    """For each of n target positions its source position (-1 where it is new), and 1 where it has
    one: the best global alignment, a match worth 1, a replacement -1, a gap nothing.
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
    """Source positions to target positions where words were swapped one for one: a word of other
    length spreads over all pieces of its counterpart. `DataError` where the numbers of words
    differ.

    As released, whatever follows the last swapped word is taken to stand where the target has it.
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
    """By word, the default first, in which of n_steps + 1 steps. `ValueError` where bounds are no
    shares. Without a default, words that are not named are taken in all steps (as released).
    """
    by_word = dict(bounds if isinstance(bounds, Mapping) else {DEFAULT: bounds})
    return {word: span(share, n_steps + 1) for word, share in ({DEFAULT: 1.0} | by_word).items()}


def span(share: Share, n_steps: int) -> range:
    """Which of so many steps: up to a share of them, or between two. `ValueError` where it is none
    of 0 to 1, or two out of order.
    """
    pair = (0.0, share) if isinstance(share, int | float) else tuple(share)
    if len(pair) != 2 or not 0 <= pair[0] <= pair[1] <= 1:
        raise ValueError(f"expected a share, or two in order, of 0 to 1; got {share}")
    return range(*(int(bound * n_steps) for bound in pair))


def crosses(bounds: Bounds, n_steps: int) -> list[bool]:
    """For each of n_steps + 1 steps, whether any word's attention may be taken."""
    by_word = spans(bounds, n_steps).values()
    return [any(step in steps for steps in by_word) for step in range(n_steps + 1)]


def shares(
    bounds: Bounds, text: str, tokens: Tokens, n_steps: int, n: int
) -> Float[Tensor, "steps L"]:
    """For each of n_steps + 1 steps, 1 for the tokens whose attention is taken from the source:
    over all steps up to a share, between two, or by word (`{default: 0.8, chair: 0.4}`; words that
    the prompt has not are passed over, those that are not named are taken by default, in all steps
    where there is none).
    """
    taken = torch.zeros(n_steps + 1, n)
    for word, steps in spans(bounds, n_steps).items():
        at = slice(None) if word == DEFAULT else positions(text, tokens, word)
        taken[:, at] = 0
        taken[steps.start : steps.stop, at] = 1
    return taken


def weights(values: Mapping[str, float], text: str, tokens: Tokens, n: int) -> Weights:
    """A factor per token: the word's own where it has one, else 1."""
    factors = torch.ones(n)
    for word, value in values.items():
        factors[_found(text, tokens, word)] = value
    return factors


def marked(words: str, text: str, tokens: Tokens, n: int) -> Weights:
    """1 for the tokens of these words, 0 elsewhere."""
    chosen = torch.zeros(n)
    for word in words.split():
        chosen[_found(text, tokens, word)] = 1
    return chosen


def _found(text: str, tokens: Tokens, word: str) -> list[int]:
    """Its positions; `DataError` where the prompt has no such word."""
    found = positions(text, tokens, word)
    if not found:
        raise DataError(
            f"word {word!r}: expected one of the prompt {text!r}, as spaces part it; got none; "
            "change blend or weights of the case"
        )
    return found
