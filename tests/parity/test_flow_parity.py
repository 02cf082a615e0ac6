"""FlowEdit and DVRF of `ids run` against plain loops of the released algorithms, and proof that
each peculiarity of those shows.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from flow_loops import CASES, write_golden
from golden_replay import flow
from golden_replay.recording import Golden
from golden_replay.replays import replay_for
from torch import Tensor

from ids.diffusion import Guided
from ids.diffusion import velocity as flows
from ids.methods import DVRF
from ids.methods.editors import dvrf, flowedit

Undo = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    folder = tmp_path_factory.mktemp("flow")
    write_golden(folder)
    return Golden(folder)


def verdict_of(golden: Golden, name: str) -> Any:
    replay = replay_for(golden, name)
    assert not isinstance(replay, str), replay
    return replay(golden, name)


@pytest.mark.parametrize("name", CASES)
def test_a_plain_loop_is_reproduced(golden: Golden, name: str) -> None:
    verdict = verdict_of(golden, name)
    assert verdict.ok, verdict.errors
    assert not verdict.unknown


def _grid(change: Callable[[flows.FlowGrid], flows.FlowGrid]) -> Undo:
    """Another grid for both editors."""
    original = flows.flow_grid

    def undo(patch: pytest.MonkeyPatch) -> None:
        for module in (dvrf, flowedit, flow):
            patch.setattr(module, "flow_grid", lambda *a: change(original(*a)))

    return undo


def _last_start(grid: flows.FlowGrid) -> flows.FlowGrid:
    """The last phase starts from t / 1000."""
    return replace(grid, sigmas=grid.levels[:-1])


def _exact_levels(grid: flows.FlowGrid) -> flows.FlowGrid:
    """No level is rounded to float32."""
    first, last = 1.0, float(_once_shifted(torch.tensor(1e-3).double()))
    even = torch.linspace(first, last, len(grid.t), dtype=torch.float64)
    levels = torch.cat([_once_shifted(even), torch.zeros(1).double()])
    return replace(grid, levels=levels)


def _shifted_once(grid: flows.FlowGrid) -> flows.FlowGrid:
    """The smallest level is shifted once, as all others."""
    levels = grid.levels.clone()
    levels[:-1] = _once_shifted(torch.linspace(1, 1e-3, len(grid.t)).double())
    return replace(grid, levels=levels)


def _once_shifted(sigma: Tensor) -> Tensor:
    return 3 * sigma / (1 + 2 * sigma)


def _editor(kind: type, name: str, changed: Callable[..., Any]) -> Undo:
    """A method of an editor that gets its original as the first argument."""
    original = getattr(kind, name)

    def undo(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(kind, name, lambda self, *a: changed(original, self, *a))

    return undo


def _more_guidance(original: Any, guided: Guided, *a: Any) -> Tensor:
    """A relative change of 1e-6."""
    more: Tensor = original(replace(guided, guidance_scale=guided.guidance_scale * (1 + 1e-6)), *a)
    return more


def _eta_from_one(
    original: Any, self: DVRF, context: Any, latents: Any, y: Any, g: Any, i: int
) -> Any:
    """eta reaches its full value at the last step."""
    full = replace(self, eta=self.eta * (i + 1) / i) if i else self
    return original(full, context, latents, y, g, i)


def _without_identity(original: Any, self: DVRF, context: Any, latents: Any, *a: Any) -> Any:
    """No (1 - eta)(z - x)."""
    eta = self.eta * a[-1] / self.grid_size
    return original(self, context, latents, *a) - (1 - eta) * (latents.z_trg - latents.z_src)


def _step_of_the_loop(original: Any, self: DVRF, grid: Any, step: int) -> Any:
    """The learning rate counts the steps from 0."""
    return original(self, grid, step - (self.grid_size - self.n_steps))


def _shorter_tail(original: Any, self: DVRF, *a: Any) -> Any:
    """N = T + 27."""
    return original(replace(self, grid_size=self.grid_size - 1, n_steps=1), *a)


UNDONE: dict[str, tuple[Undo, str]] = {
    "the table of sigmas": (_grid(_last_start), "flowedit/phases"),
    "levels in float32": (_grid(_exact_levels), "flowedit/plain"),
    "the doubly shifted last level": (_grid(_shifted_once), "dvrf/plain"),
    "guidance": (_editor(Guided, "velocity", _more_guidance), "flowedit/plain"),
    "eta below 1": (_editor(DVRF, "_gradient", _eta_from_one), "dvrf/plain"),
    "the identity term": (_editor(DVRF, "_gradient", _without_identity), "dvrf/number"),
    "the place in the grid": (_editor(DVRF, "learning_rate", _step_of_the_loop), "dvrf/plain"),
    "the tail of the learning rate": (_editor(DVRF, "learning_rate", _shorter_tail), "dvrf/whole"),
    "a whole number as learning rate": (
        lambda patch: patch.setattr(flow, "SILENT_LR", 1.0),
        "dvrf/whole_number",
    ),
}


@pytest.mark.parametrize(("undo", "name"), UNDONE.values(), ids=UNDONE)
def test_an_undone_peculiarity_fails(
    golden: Golden, undo: Undo, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verdict_of(golden, name).ok
    undo(monkeypatch)
    assert not verdict_of(golden, name).ok
