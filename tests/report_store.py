"""A small store with images, states and numbers, what its runs would know, and its page, parsed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import torch

from ids.core.records import EditCase, Edited, EditedScene, Measurement
from ids.core.rows import RowSelection
from ids.core.tensors import Images, Latent
from ids.data import SceneShapes, Shapes
from ids.report.pages.inputs import PageInputs
from ids.report.pages.page import write_page
from ids.results.selection import Selection
from ids.results.verdict import Verdict
from ids.run.job import Job, Setting
from ids.run.manifest import Manifests, row_of, survey
from ids.run.records import EditRecord, MetricsRecord, MetricValue
from ids.run.store import Store

HOSTILE = '</script><img src=x onerror="window.hacked=1">\'`${window.hacked=1}\u2028<!--'
STEPS = (0, 10, 20)
METRICS = ("success@1", "psnr_background@1", "latent_distance@1")


def write_store(
    root: Path,
    n_cases: int = 4,
    names: Sequence[str] = ("dds", "ids"),
    side: int = 16,
    hostile: str = "",
) -> PageInputs:
    """Edits of `names` and the controls over shapes, with ids, tags and prompts that contain
    `hostile` text; the inputs of its page.
    """
    store = Store(root)
    seen = survey(Shapes(count=n_cases, size=64), RowSelection())
    cases = [_renamed(case, hostile) for case in seen.cases]
    manifest = replace_rows(seen.manifest, cases)
    Manifests(store.root / "datasets", store.claims, store.numbers).add(
        replace(seen, manifest=manifest)
    )
    commands = {}
    for number, name in enumerate(["null_edit", *names, "true_edit"]):
        control = name in ("null_edit", "true_edit")
        method = {"name": name, "guidance_scale": 7.5}
        setting = Setting(name, method, "gaussian", {"weights": "none"}, {})
        for index, case in enumerate(cases):
            prompts = None if control else (case.prompt_src, case.prompt_trg)
            job = Job(setting, case, None if control else 0, prompts)
            _put(store, job, number, index, side)
        commands[setting.key] = f"ids run method={name} '{hostile}'"
    store.close()
    return PageInputs({c.digest: c for c in cases}, commands, verdicts(hostile), decode)


def write_scene_store(root: Path, names: Sequence[str] = ("dds", "ids")) -> PageInputs:
    """Edits of one scene of ten views, 32 pixels a side: each method is brighter than the last."""
    store, seen = Store(root), survey(SceneShapes(count=1, n_views=10, size=32), RowSelection())
    Manifests(store.root / "datasets", store.claims, store.numbers).add(seen)
    (case,) = seen.cases
    for number, name in enumerate(names):
        setting = Setting(name, {"name": name}, "gaussian", {"weights": "none"}, {})
        job = Job(setting, case, 0, (case.prompt_src, case.prompt_trg))
        before = torch.linspace(0, 0.4, 10)[:, None, None, None].expand(-1, 3, 32, 32)
        far = 2 + torch.arange(32.0).expand(10, 32, 32).half() / 32
        after = before + 0.2 * (number + 1)
        solid = torch.ones(far.shape)
        views = before, after, far, far - 0.1, solid, solid
        states = {step: before[:2] + 0.01 * step for step in (4, 8)}
        scene = EditedScene(*views, before[:3], after[:3], {}, states)
        z = torch.zeros(1, 2, 2)
        store.put(job, Edited(after[0], z, z, scene), {}, {})
    store.close()
    return PageInputs({case.digest: case})


def verdicts(text: str = "") -> list[Verdict]:
    """One that was not run, and one that holds."""
    held = Verdict(
        claim="background",
        statement=f"IDS preserves the background better than DDS {text}",
        by="paper",
        outcome="holds",
        reason="The interval excludes 0.",
        effect=1.25,
        low=0.5,
        high=2.0,
        unit="dB",
        n_cases=4,
        data="shapes",
        command="ids run experiments=demo",
        paper="26.02 against 29.25 dB",
    )
    other = Verdict("seconds", "IDS takes longer", "ids", "not run", "None.", data="elsewhere")
    return [other, held]


def decode(record: EditRecord, z: Latent) -> Images:
    """Gray images, brighter with every state."""
    return torch.linspace(0, 1, len(z)).reshape(-1, 1, 1, 1).expand(-1, 3, 8, 8)


def replace_rows(manifest, cases):  # type: ignore[no-untyped-def]
    """The manifest with rows of these cases."""
    from msgspec.structs import replace as with_fields

    return with_fields(manifest, rows=[row_of(case) for case in cases])


def _renamed(case: EditCase, text: str) -> EditCase:
    if not text:
        return case
    tags = frozenset([*case.tags, text])
    return replace(case, id=f"{case.id} {text}", prompt_src=f"{case.prompt_src} {text}", tags=tags)


def _put(store: Store, job: Job, number: int, index: int, side: int) -> None:
    image = torch.rand(3, side, side, generator=torch.Generator().manual_seed(number * 97 + index))
    z = torch.zeros(1, 2, 2)
    states: Mapping[int, torch.Tensor] = {} if job.seed is None else {k: z + k for k in STEPS}
    store.put(job, Edited(image, z, z), {}, states, keep_every=10)
    end = dict.fromkeys(METRICS, 0.3 * number + 0.01 * index)
    values = {m: MetricValue(end[m], "", True) for m in METRICS}
    along = {m: [end[m] * share for share in (0.0, 0.5, 1.0)] for m in METRICS} if states else {}
    store.numbers.add_metrics(
        MetricsRecord(
            key=job.key,
            case=job.case.digest,
            values=values,
            steps=list(STEPS) if states else [],
            along=along,
        )
    )
    store.numbers.put_measurement(
        "cpu", {"device": "x"}, [job.key], Measurement(1.0, 8.0, 0.0, 1e9)
    )


class Parsed(HTMLParser):
    """Elements, their attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script":
            self.scripts[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", {}))

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


def write(root: Path, inputs: PageInputs) -> tuple[Parsed, str, list[str]]:
    path, notes = write_page(Selection(root / "store"), root / "page", inputs)
    text = path.read_text("utf-8")
    return Parsed(text), text, list(notes)
