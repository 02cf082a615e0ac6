"""What is asked, and the name it gives the answer."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ids.core.capabilities import TokenBackbone, needs, parts
from ids.core.errors import ConfigError
from ids.core.protocols import Dataset, Editor
from ids.core.records import EditCase


@dataclass(frozen=True)
class Setting:
    """One method with all its values, on one backbone. `name` and `backbone_name` are how
    people call it; the rest decides the results.
    """

    name: str
    method: Mapping[str, Any]  # numbers in one spelling, see `spelt`
    backbone_name: str
    backbone: Mapping[str, str]
    revisions: Mapping[str, int]  # of the classes the method is made of

    @property
    def key(self) -> str:
        return _digest(
            {"method": self.method, "backbone": self.backbone, "revisions": self.revisions}
        )


@dataclass(frozen=True)
class Job:
    """One edit to make. Its key covers what the edit depends on, and nothing else."""

    setting: Setting
    case: EditCase
    dataset: str
    seed: int | None  # None where chance plays no part
    prompts: tuple[str, str] | None  # None where words play no part
    words: Mapping[str, Any] | None = None  # blend words and weights, where the method reads them

    @cached_property
    def key(self) -> str:
        return _digest(self.identity)

    @cached_property
    def identity(self) -> dict[str, Any]:
        truth = self.case.truth.digest() if self.case.truth and self.prompts is None else None
        words = {} if self.words is None else {"words": self.words}
        return {
            **words,
            "setting": self.setting.key,
            "case": self.case.id,  # names the random streams
            "source": self.case.source.digest(),
            "truth": truth,
            "prompts": self.prompts,
            "seed": self.seed,
        }

    def describe(self) -> dict[str, Any]:
        """Everything a reader of the stored result wants to know."""
        return {
            "identity": self.identity,
            "name": self.setting.name,
            "method": self.setting.method,
            "backbone_name": self.setting.backbone_name,
            "backbone": self.setting.backbone,
            "revisions": self.setting.revisions,
            "dataset": self.dataset,
            "case": self.case.id,
            "prompt_src": self.case.prompt_src,
            "prompt_trg": self.case.prompt_trg,
            "tags": sorted(self.case.tags),
            "seed": self.seed,
        }


def spelt(node: Any) -> Any:
    """Numbers in one spelling: 3 and 3.0 ask for the same, and make one key."""
    if isinstance(node, Mapping):
        return {key: spelt(value) for key, value in node.items()}
    if isinstance(node, list):
        return [spelt(value) for value in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def first_cases(dataset: Dataset, limit: int | None) -> list[EditCase]:
    """All cases, or the first `limit` of them."""
    if limit is not None and limit < 1:
        raise ConfigError(f"limit: expected 1 case or more; got {limit}")
    return [dataset[i] for i in range(min(len(dataset), limit or len(dataset)))]


def plan(
    setting: Setting, editor: Editor, cases: Sequence[EditCase], dataset: str, seeds: Sequence[int]
) -> list[Job]:
    """Every case under every seed that matters; one job where none does."""
    worded = TokenBackbone in needs(editor)
    return [
        Job(
            setting,
            case,
            dataset,
            seed,
            (case.prompt_src, case.prompt_trg) if editor.guided else None,
            {"blend": case.blend_words, "weights": dict(case.word_weights)} if worded else None,
        )
        for case in cases
        for seed in (seeds if editor.random else [None])
    ]


def revisions(editor: Editor) -> dict[str, int]:
    """`revision` of every class an editor is composed of: raised when a change of code changes its
    numbers.
    """
    return {type(part).__name__: int(getattr(part, "revision", 1)) for part in parts(editor)}


def _digest(what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
