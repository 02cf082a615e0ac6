"""Predictions of sources that other rules, refiners and guidance scales share."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
import torch
from anchor_edits import IMAGES, edited, editor, targets
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ahead import CDS, REFINERS, RULES, DoubleWorld
from test_hot_path import BACKBONE

from ids.core.anchor_rows import AnchorRows
from ids.core.edit import SILENT, Preparing
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.diffusion import Uniform
from ids.editing import NFE, DistillationEditor
from ids.editing.ahead import Ahead
from ids.methods import FPR, PDS, SDS, FiniteDifferenceFPR, NoiseFPR, SquaredFPR
from ids.representations import LatentImage
from ids.run.anchor_cache import MemoryCache, halves_key, predictions_key
from ids.run.job import Setting

T = 5  # steps of `editor`
DDS_EDIT, IDS_EDIT = editor(), editor(fpr=FPR(3, 0.1))
SPARE = replace(IMAGES[0], prompt_src="another")


def shared(
    edits: Sequence[tuple[DistillationEditor, list[EditCase]]], **how: object
) -> list[tuple[int, int]]:
    """Forwards and backwards of the source halves a step, of edits one after another, each equal to
    the edit alone. No whole anchor is kept.
    """
    anchors, found = Ahead(8, None, MemoryCache(10**9)), []
    for edit, cases in edits:
        z, curves, nfe = edited(edit, cases, anchors, **how)  # type: ignore[arg-type]
        plain, others, _ = edited(edit, cases, **how)  # type: ignore[arg-type]
        torch.testing.assert_close(z, plain, atol=1e-6, rtol=1e-6)
        for name in {*curves, *others}:
            torch.testing.assert_close(curves[name], others[name], atol=1e-4, rtol=1e-4)
        found.append(_source(nfe, edit, len(cases)))
    return found


def _source(nfe: NFE, edit: DistillationEditor, rows: int) -> tuple[int, int]:
    """Without the target half, two forwards a row or one where the guidance scale is 1."""
    target = (1 if edit.guidance_scale == 1 else 2) * rows
    return nfe.forwards // edit.n_steps - target, nfe.backwards // edit.n_steps


@pytest.mark.parametrize(
    ("first", "second", "cost"),
    [
        (DDS_EDIT, DDS_EDIT, (0, 0)),
        (DDS_EDIT, replace(DDS_EDIT, guidance_scale=7.5), (0, 0)),
        (DDS_EDIT, replace(DDS_EDIT, guidance_scale=1.0), (0, 0)),
        (replace(DDS_EDIT, guidance_scale=1.0), DDS_EDIT, (1, 0)),
        (DDS_EDIT, replace(DDS_EDIT, n_steps=8), (0, 0)),
        (DDS_EDIT, editor(PDS()), (0, 0)),
        (IDS_EDIT, DDS_EDIT, (0, 0)),
        (replace(IDS_EDIT, guidance_scale=1.0), replace(DDS_EDIT, guidance_scale=1.0), (0, 0)),
        (DDS_EDIT, editor(fpr=FiniteDifferenceFPR(3, 0.1)), (12, 0)),
        (DDS_EDIT, IDS_EDIT, (8, 6)),
        (IDS_EDIT, replace(IDS_EDIT, fpr=FPR(3, 0.2)), (6, 4)),
        (IDS_EDIT, replace(IDS_EDIT, fpr=FPR(1, 0.1)), (2, 0)),
        (IDS_EDIT, editor(PDS(), FPR(1, 0.3)), (2, 0)),
        (IDS_EDIT, editor(fpr=NoiseFPR(1, 0.3)), (2, 0)),
        (IDS_EDIT, editor(fpr=SquaredFPR(2, 0.001)), (4, 2)),
        (IDS_EDIT, replace(IDS_EDIT, guidance_scale=7.5), (8, 6)),
        (DDS_EDIT, editor(SDS()), (0, 0)),
        (DDS_EDIT, replace(DDS_EDIT, timesteps=Uniform(60)), (2, 0)),
        (DDS_EDIT, replace(DDS_EDIT, negative_prompt="blurred"), (1, 0)),
    ],
)
def test_what_another_setting_pays(
    first: DistillationEditor, second: DistillationEditor, cost: tuple[int, int]
) -> None:
    """Evaluations a step for the source, after another setting; the edit is that of itself."""
    if second.n_steps > T:  # the first has the others
        cost = (2 * (second.n_steps - T) // second.n_steps, 0)
    assert shared([(first, targets(1)), (second, targets(1))])[1] == cost


def test_a_sweep_of_lambda_shares_its_first_iterations() -> None:
    """FPR costs (1 + 2 L) / 3 L for L values at N = 3, and the refined noise its own pass."""
    sweep = [replace(IDS_EDIT, fpr=FPR(3, scale)) for scale in (0.1, 0.2, 0.3)]
    found = shared([(edit, targets(2)) for edit in sweep])
    assert found == [(8, 6), (6, 4), (6, 4)]
    fpr = sum(forwards - 2 for forwards, _ in found)
    assert fpr / (3 * 6) == (1 + 2 * 3) / (3 * 3)


@pytest.mark.parametrize("edit", [DDS_EDIT, IDS_EDIT])
def test_rows_that_differ_are_computed(edit: DistillationEditor) -> None:
    """Another image or seed shares nothing; another source prompt the null prompt, in DDS. Of a
    batch only the unknown rows are computed, and one row's null prompt serves others.
    """
    whole = (8, 6) if edit is IDS_EDIT else (2, 0)
    first = (edit, targets(1))
    assert shared([first, (edit, [IMAGES[1]])])[1] == whole
    assert shared([first, (edit, [IMAGES[1], IMAGES[0]])])[1] == (
        (8 + 6, 6 + 4) if edit is IDS_EDIT else whole
    )
    other = shared([first, (edit, [SPARE])])[1]
    assert other == (whole if edit is IDS_EDIT else (1, 0))
    if edit is DDS_EDIT:
        assert shared([(edit, [SPARE, IMAGES[0]])]) == [(3, 0)]


@dataclass
class Recorder:
    """A cache that shows its names."""

    names: set[str] = field(default_factory=set)

    def get(self, name: str) -> AnchorRows | None:
        return None

    def put(self, name: str, row: AnchorRows) -> None:
        assert row.n == 1
        self.names.add(name)


def test_seeds_have_other_names() -> None:
    seen = []
    for seed in (0, 1):
        cache = Recorder()
        edited(IDS_EDIT, targets(1), Ahead(8, None, cache), seeds=seed)
        seen.append(cache.names)
    assert len(seen[0]) == 3 * T  # null prompt, prompt, first iterate
    assert not seen[0] & seen[1]


def test_code_from_outside_keeps_predictions_apart() -> None:
    """It may draw or predict otherwise. Rules of this package share them."""
    cpu, setting = torch.device("cpu"), Setting("dds", {}, "shapes", {}, {"DDS": 1})
    same, other = (
        replace(setting, revisions=more) for more in ({"PDS": 2}, {"DDS": 1, "mine.Rule": "ab"})
    )
    assert predictions_key(setting, cpu) == predictions_key(same, cpu)
    assert predictions_key(setting, cpu) != predictions_key(other, cpu)
    assert halves_key(setting, cpu) != halves_key(same, cpu)


@dataclass(frozen=True)
class Latents:
    """Edits of random latents."""

    def identity(self) -> dict[str, str]:
        return {}

    def open(
        self, backbone: Backbone, cases: Sequence[EditCase], listener: Preparing = SILENT
    ) -> LatentImage:
        z = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1)).double()
        return LatentImage(z, cases, backbone.decode)


CDS_EDIT = editor(CDS, guidance_scale=7.5, n_steps=2)


@pytest.mark.parametrize(
    ("first", "second", "cost"),
    [
        (replace(DDS_EDIT, n_steps=2), CDS_EDIT, (1, 0)),
        (CDS_EDIT, replace(DDS_EDIT, n_steps=2), (0, 0)),
        (CDS_EDIT, replace(CDS_EDIT, guidance_scale=3.0), (1, 0)),
    ],
)
def test_the_contrastive_score_shares_its_predictions(
    first: DistillationEditor, second: DistillationEditor, cost: tuple[int, int]
) -> None:
    """Its pass for the features gives the prompt's; the null prompt's may be that of another."""
    anchors = Ahead(8, None, MemoryCache(10**9))
    case = [replace(IMAGES[0], prompt_src="source", prompt_trg="target")]
    how = partial(edited, backbone=BACKBONE, representation=Latents())
    how(first, case, anchors)
    found, _, nfe = how(second, case, anchors)
    plain, _, _ = how(second, case)
    torch.testing.assert_close(found, plain, atol=1e-9, rtol=1e-9)
    assert _source(nfe, second, 1)[0] == cost[0]


@settings(max_examples=8, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.sampled_from(RULES), st.sampled_from(REFINERS), st.sampled_from([1.0, 3.0])),
        min_size=2,
        max_size=3,
    ),
    rows=st.lists(st.tuples(st.integers(0, 1), st.booleans()), min_size=1, max_size=4),
    ahead=st.integers(1, 9),
    whole=st.booleans(),
)
def test_edits_of_many_settings_are_those_of_the_plain_loop(
    edits: list[tuple[object, object, float]],
    rows: list[tuple[int, bool]],
    ahead: int,
    whole: bool,
) -> None:
    """Whatever they share, to rounding in float64."""
    cache, world = MemoryCache(10**9), DoubleWorld()
    anchors = Ahead(ahead, MemoryCache(10**9) if whole else None, cache)
    for number, (rule, fpr, scale) in enumerate(edits):
        edit = editor(rule, fpr, 2 + number, guidance_scale=scale)
        cases = [SPARE if other else IMAGES[i] for i, other in rows[number:] or rows]
        plain, curves, _ = edited(edit, cases, backbone=world)
        found, others, _ = edited(edit, cases, anchors, world)
        torch.testing.assert_close(found, plain, atol=1e-11, rtol=1e-11)
        for name in {*curves, *others}:
            torch.testing.assert_close(others[name], curves[name], atol=1e-8, rtol=1e-8)
