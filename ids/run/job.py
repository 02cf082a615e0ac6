"""What is asked, and the name it gives the answer."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ids.core.capabilities import TokenBackbone, needs
from ids.core.edit import Editor
from ids.core.errors import ConfigError
from ids.core.protocols import Dataset
from ids.core.records import EditCase, digest_of
from ids.run.former_names import method_in_keys, revisions_in_keys
from ids.run.records import EditRecord, Environment, FileStamp, Status


@dataclass(frozen=True)
class Setting:
    """One method with all its values, on one backbone. `name` and `backbone_name` are how
    people call it, `code` tells what its classes looked like; the rest decides the results.
    """

    name: str
    method: Mapping[str, Any]  # numbers in one spelling, see `normalize_numbers`
    backbone_name: str
    backbone: Mapping[str, str]
    revisions: Mapping[str, int | str]  # of the classes the method is made of, see `code`
    code: Mapping[str, str] = field(default_factory=dict)
    representation: Mapping[str, str] = field(default_factory=dict)  # empty for latents

    @cached_property
    def key(self) -> str:
        """Digest of everything that decides the results, in the names of version 0.2."""
        content: dict[str, Any] = {
            "method": method_in_keys(self.method),
            "backbone": self.backbone,
            "revisions": revisions_in_keys(self.revisions),
        }
        if self.representation:
            content["representation"] = self.representation
        return digest_of(content)

    @cached_property
    def backbone_key(self) -> str:
        return digest_of(self.backbone)


@dataclass(frozen=True)
class Job:
    """One edit to make. Its key covers what the edit depends on, and nothing else."""

    setting: Setting
    case: EditCase
    seed: int | None  # None where chance plays no part
    prompts: tuple[str, str] | None  # None where words play no part
    words: Mapping[str, Any] | None = None  # blend words and weights, where the method reads them

    @cached_property
    def key(self) -> str:
        asked = {
            "setting": self.setting.key,
            "source": self.case.source_digest,  # names the random streams as well
            "truth": self.truth,
            "prompts": self.prompts,
            "seed": self.seed,
        }
        return digest_of(asked if self.words is None else asked | {"words": self.words})

    @property
    def truth(self) -> str | None:
        """Digest of the true edit, where it may be what the edit depends on."""
        return self.case.truth.digest() if self.case.truth and self.prompts is None else None

    @property
    def source_name(self) -> str:
        """Of the source's latent: the image, as this backbone encodes it."""
        return f"{self.case.source_digest[:32]}-{self.setting.backbone_key[:8]}"

    def record(
        self,
        status: Status,
        reason: str = "",
        environment: Environment | None = None,
        files: Mapping[str, FileStamp] | None = None,
        keep_every: int = 0,
    ) -> EditRecord:
        """Everything a reader of the stored result wants to know."""
        return EditRecord(
            key=self.key,
            status=status,
            reason=reason,
            name=self.setting.name,
            setting=self.setting.key,
            method=dict(self.setting.method),
            backbone_name=self.setting.backbone_name,
            backbone=dict(self.setting.backbone),
            representation=dict(self.setting.representation),
            revisions=dict(self.setting.revisions),
            code=dict(self.setting.code),
            source=self.case.source_digest,
            truth=self.truth,
            prompt_src=self.prompts and self.prompts[0],
            prompt_trg=self.prompts and self.prompts[1],
            words=None if self.words is None else dict(self.words),
            seed=self.seed,
            keep_every=keep_every,
            made=time.time(),
            environment=environment,
            files=dict(files or {}),
        )


def normalize_numbers(node: Any) -> Any:
    """Numbers in one spelling: 3 and 3.0 ask for the same, and make one key."""
    if isinstance(node, Mapping):
        return {key: normalize_numbers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [normalize_numbers(value) for value in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def first_cases(dataset: Dataset, limit: int | None) -> list[EditCase]:
    """All cases, or the first `limit` of them."""
    if limit is not None and limit < 1:
        raise ConfigError(f"limit: expected 1 case or more; got {limit}")
    return [dataset[i] for i in range(min(len(dataset), limit or len(dataset)))]


def plan(
    setting: Setting, editor: Editor, cases: Sequence[EditCase], seeds: Sequence[int]
) -> list[Job]:
    """Every case under every seed that matters; one job where none does."""
    worded = TokenBackbone in needs(editor)
    return [
        Job(
            setting,
            case,
            seed,
            (case.prompt_src, case.prompt_trg) if editor.uses_prompts else None,
            case.words if worded else None,
        )
        for case in cases
        for seed in (seeds if editor.uses_seed else [None])
    ]
