"""Edits that differ in their finish alone are made once, with the numbers of separate edits."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from anchor_edits import IMAGES, editor
from status_tools import FAST, run
from torch import Tensor

from ids.backbones import Gaussian
from ids.core.edit import EditContext, Editor, Silent
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.diffusion import SettleGuidance
from ids.editing import Finished, MeteredBackbone, SoftMask, StateRecorder, ThereAndBack
from ids.editing.cached import KeptEdit
from ids.editing.finished import cached_editor
from ids.methods import SDEdit
from ids.representations import LatentSpace
from ids.run import Store
from ids.run.anchor_cache import MemoryCache

WORLD = Gaussian().load(torch.device("cpu"))
FINISHES = [SoftMask(), SoftMask(quantile=0.85), SoftMask("gradient")]
Found = tuple[Tensor, dict[int, Tensor], dict[str, Tensor], int]


def edited(edit: Editor, cases: Sequence[EditCase] = IMAGES, seed: int = 0) -> Found:
    """The result, the kept states, the curves, and the forwards."""
    metered = MeteredBackbone(WORLD)
    subject = LatentSpace().open(WORLD, cases)
    recorder = StateRecorder(Silent(), subject, 2)
    rng = Streams.of(seed, [case.source_digest for case in cases])
    trace = edit(EditContext(metered, rng, recorder), subject)
    curves = dict(trace.curves)
    return subject.z_trg.detach(), recorder.states(), curves, metered.nfe.forwards


def same(one: Found, other: Found) -> bool:
    """Bit by bit, whatever it took."""
    pairs = [(one[0], other[0])]
    for left, right in ((one[1], other[1]), (one[2], other[2])):
        assert left.keys() == right.keys()
        pairs += [(left[key], right[key]) for key in left]  # type: ignore[index]
    return all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize("settled", [False, True])
def test_finishes_share_an_edit(settled: bool) -> None:
    raw = editor(n_steps=5)
    if settled:
        raw = replace(raw, guidance=SettleGuidance(2))
    whole = [raw, *(Finished(raw, finish) for finish in FINISHES)]
    alone = [edited(edit) for edit in whole]
    for order in (whole, whole[::-1]):
        memory = MemoryCache(10**8)
        found = [edited(cached_editor(edit, memory, "dds")) for edit in order]
        assert [one[-1] for one in found] == [alone[0][-1], 0, 0, 0]
        expected = alone if order is whole else alone[::-1]
        assert all(map(same, found, expected))


def test_only_equal_edits_are_shared() -> None:
    memory = MemoryCache(10**8)
    raw = editor(n_steps=3)
    edit = cached_editor(raw, memory, "dds")
    full = edited(edit)[-1]
    assert edited(edit)[-1] == 0
    assert edited(edit, seed=1)[-1] == full
    assert edited(edit, IMAGES[:2])[-1] == full * 2 // 3
    assert edited(edit, IMAGES[::-1])[-1] == full
    assert edited(edit, [replace(case, prompt_trg="other") for case in IMAGES])[-1] == full
    assert edited(cached_editor(raw, memory, "ids"))[-1] == full


def test_memory_is_bounded() -> None:
    n_bytes = 5 * 2 * IMAGES[0].source.load().numel() * 3 * 4  # of five steps, at least
    memory = MemoryCache(n_bytes // 100)
    edit = cached_editor(editor(n_steps=5), memory, "dds")
    assert edited(edit)[-1] == edited(edit)[-1] > 0


def test_an_edit_that_is_too_large_is_not_copied() -> None:
    """Memory does not grow with its steps: nothing is left to put."""

    class Small(MemoryCache[KeptEdit]):
        def put(self, name: str, kept: KeptEdit) -> None:
            raise AssertionError("an edit above the limit was copied whole")

    edit = editor(n_steps=5)
    assert same(edited(cached_editor(edit, Small(1000), "dds")), edited(edit))


def test_an_edit_is_as_its_editor() -> None:
    settled = replace(editor(), guidance=SettleGuidance(2))
    for raw in (editor(), settled, SDEdit()):
        kept = cached_editor(raw, MemoryCache(1), "x")
        for name in ("anytime", "uses_seed", "uses_prompts", "n_ticks"):
            assert getattr(kept, name) == getattr(raw, name)
    round_trip = ThereAndBack(editor())
    assert cached_editor(round_trip, MemoryCache(1), "x") is round_trip


def nfe(folder: Path) -> dict[str, float]:
    """Of all edits of a method."""
    store = Store(folder)
    found: dict[str, float] = {}
    for key, taken in store.numbers.measurements().items():
        record = store.look(key, files=False).record
        assert record
        found[record.name] = found.get(record.name, 0) + taken.forwards + taken.backwards
    return found


def results(folder: Path) -> dict[str, bytes]:
    """The latents of all edits, by key."""
    files = sorted(folder.glob("results/??/*/*.safetensors"))
    return {f"{file.parent.name}/{file.name}": file.read_bytes() for file in files}


def test_a_sweep_over_finishes_makes_each_edit_once(tmp_path: Path) -> None:
    words = (*FAST, "method=dds", "engine.anchors=shared", "engine.batch_size=2", "limit=3")
    names = ("none", "displacement_mask", "gradient_mask")
    once = tmp_path / "once"
    assert not run(*words, f"output_dir={once}", f"finish={','.join(names)}").failed
    apart = tmp_path / "apart"
    for name in names:
        assert not run(*words, f"output_dir={apart}", f"finish={name}").failed
    found = results(once)
    assert found == results(apart)
    assert len(found) >= 9
    cost, each = nfe(once), nfe(apart)
    assert cost == {**dict.fromkeys(each, 0), "dds": each["dds"]}
    assert each["dds+gradient_mask"] == each["dds"] > 0


def test_settling_steps_share_source_halves(tmp_path: Path) -> None:
    """Of IDS: what it refines at one guidance scale serves all settings that have steps at it."""
    words = [word for word in FAST if "n_steps" not in word]
    words += ["method=ids", "limit=1", "engine.anchors=shared", f"output_dir={tmp_path}"]
    words += ["method.n_steps=12", "guidance=constant,settle"]
    assert not run(*words).failed
    guided, settled = 4 * 2, 8 * (7 + 1)  # targets; steps at scale 1, with their source halves
    assert nfe(tmp_path) == {"ids": 12 * 16, "ids+settle": guided + settled}
