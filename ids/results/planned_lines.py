"""The jobs that `ids status` counts, by the settings and controls of several runs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

from ids.log.progress import labels_of_words
from ids.run.planned import PlannedPart, PlannedSetting, words_aside
from ids.run.unit import JobRef

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Row(NamedTuple):
    """A job, and the plan it is part of."""

    plan: PlannedSetting
    part: PlannedPart
    job: JobRef


@dataclass(frozen=True)
class Line:
    """The method of a setting, or a control of the settings with these `identities`. `folder` is
    that of its newest run, `problems` are rows that cannot be edited.
    """

    label: str
    method: str
    dataset: str
    folder: Path
    identities: frozenset[str]
    rows: Sequence[Row]
    problems: Sequence[tuple[str, str]] = ()
    is_method: bool = True


def method_lines(plans: Sequence[tuple[Path, PlannedSetting]]) -> list[Line]:
    """The method of each setting, labelled by the words that distinguish the settings apart."""
    words = [_words(folder) for folder, _ in plans]
    labels = labels_of_words([plan.name for _, plan in plans], words)
    return [
        Line(
            label,
            plan.name,
            plan.dataset,
            folder,
            frozenset([plan.identity]),
            [Row(plan, p, job) for p in plan.parts if p.method == plan.name for job in p.jobs],
            plan.problems,
        )
        for label, (folder, plan) in zip(labels, plans, strict=True)
    ]


def control_lines(plans: Sequence[tuple[Path, PlannedSetting]]) -> list[Line]:
    """Each control of a data set once, with the jobs of all settings that share it."""
    lines: dict[tuple[str, str, str], Line] = {}
    for folder, plan in plans:
        for part in plan.parts:
            if part.method == plan.name:
                continue
            place = part.method, part.setting, plan.dataset
            known = lines.get(place)
            rows = {row.job.name: row for row in known.rows} if known else {}
            rows |= {job.name: Row(plan, part, job) for job in part.jobs}
            shared = frozenset([plan.identity]) | (known.identities if known else frozenset())
            lines[place] = Line(
                part.method,
                part.method,
                plan.dataset,
                folder,
                shared,
                list(rows.values()),
                is_method=False,
            )
    return list(lines.values())


def _words(folder: Path) -> list[str]:
    """The words of a setting that decide its edits; none where they are not stored."""
    with suppress(OSError, yaml.YAMLError, UnicodeDecodeError):
        text = (folder / "config" / "overrides.yaml").read_text(encoding="utf-8")
        return words_aside([str(word) for word in yaml.load(text, LOADER) or []])
    return []
