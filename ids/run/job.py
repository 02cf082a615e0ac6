"""Settings and jobs: what decides a result, and its key."""

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
    """One method with all its values, on one backbone and representation. `name`, `backbone_name`
    and `code` (digests of its classes' source) are labels; the rest decides the results.
    """

    name: str
    method: Mapping[str, Any]  # with normalized numbers
    backbone_name: str
    backbone: Mapping[str, str]
    revisions: Mapping[str, int | str]  # of the classes it is composed of, see `ids.run.code`
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
        """Digest of the backbone's identity: sources are encoded once per backbone."""
        return digest_of(self.backbone)


@dataclass(frozen=True)
class Job:
    """One edit to make. Its key covers what the edit depends on, and nothing else."""

    setting: Setting
    case: EditCase
    seed: int | None  # None for a deterministic method
    prompts: tuple[str, str] | None  # source and target; None where the method reads none
    words: Mapping[str, Any] | None = None  # blend words and weights; None where it reads none

    @cached_property
    def key(self) -> str:
        """Digest of the setting, source, true edit, prompts, words and seed that the edit uses."""
        content = {
            "setting": self.setting.key,
            "source": self.case.source_digest,  # names the random streams as well
            "truth": self.truth,
            "prompts": self.prompts,
            "seed": self.seed,
        }
        return digest_of(content if self.words is None else content | {"words": self.words})

    @property
    def name(self) -> tuple[str, str]:
        """The edit's key and its case: jobs of one name have the same result and metrics."""
        return self.key, self.case.digest

    @property
    def truth(self) -> str | None:
        """Digest of the true edit, for a method that reads no prompts; else None."""
        return self.case.truth.digest() if self.case.truth and self.prompts is None else None

    @property
    def source_name(self) -> str:
        """File name of the source's latent: the image as this backbone encodes it."""
        return f"{self.case.source_digest[:32]}-{self.setting.backbone_key[:8]}"

    def record(
        self,
        status: Status,
        reason: str = "",
        environment: Environment | None = None,
        files: Mapping[str, FileStamp] | None = None,
        keep_every: int = 0,
    ) -> EditRecord:
        """The record of this job's result."""
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
    """Whole floats as integers, in nested configurations: 3 and 3.0 make one key."""
    if isinstance(node, Mapping):
        return {key: normalize_numbers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [normalize_numbers(value) for value in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def first_rows(dataset: Dataset, limit: int | None) -> range:
    """The numbers of all rows, or of the first `limit`. `ConfigError` for a limit below 1."""
    if limit is not None and limit < 1:
        raise ConfigError(f"limit: expected 1 case or more; got {limit}")
    return range(min(len(dataset), limit or len(dataset)))


def plan(
    setting: Setting, editor: Editor, cases: Sequence[EditCase], seeds: Sequence[int]
) -> list[Job]:
    """A job per case and seed; one per case where the method is deterministic."""
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
