"""Our numbers against those of the authors' code, and proof that the comparison can fail."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import parity
import pytest
import torch
from conftest import GOLDEN
from golden_replay.recording import Golden
from golden_replay.replays import replay_for

from ids.core.capabilities import Transition
from ids.core.protocols import Schedule
from ids.diffusion import VP, Guided
from ids.diffusion.schedule import Posterior
from ids.methods import FPR, PatchNCE
from ids.methods.rules import pds

NAMES = Golden(GOLDEN).names()
TINY = 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_recording_is_reproduced(name: str) -> None:
    replay = replay_for(Golden(GOLDEN), name)
    assert not isinstance(replay, str), replay
    verdict = replay(Golden(GOLDEN), name)
    assert verdict.ok, verdict.errors
    assert not verdict.unknown


def _more_lambda(patch: pytest.MonkeyPatch) -> None:
    original = FPR.__call__
    patch.setattr(
        FPR, "__call__", lambda self, *a: original(replace(self, scale=self.scale * (1 + TINY)), *a)
    )


def _more_alpha(patch: pytest.MonkeyPatch) -> None:
    original = VP.alpha
    patch.setattr(VP, "alpha", lambda self, t: original(self, t) * (1 + TINY))


def _more_guidance(patch: pytest.MonkeyPatch) -> None:
    original = Guided.__call__

    def guided(self: Guided, *a: object) -> torch.Tensor:
        return original(replace(self, guidance_scale=self.guidance_scale * (1 + TINY)), *a)  # type: ignore[arg-type]

    patch.setattr(Guided, "__call__", guided)


def _more_temperature(patch: pytest.MonkeyPatch) -> None:
    original = PatchNCE.losses_of

    def losses_of(self: PatchNCE, *a: object) -> dict[str, torch.Tensor]:
        return original(replace(self, temperature=self.temperature * (1 + TINY)), *a)  # type: ignore[arg-type]

    patch.setattr(PatchNCE, "losses_of", losses_of)


def _more_beta(patch: pytest.MonkeyPatch) -> None:
    original = pds.posterior

    def posterior(s: Schedule, t: torch.Tensor, below: torch.Tensor, step: Transition) -> Posterior:
        return original(s, t, below, Transition(step.alpha, step.beta * (1 + TINY)))

    patch.setattr(pds, "posterior", posterior)


def _more_guided_features(patch: pytest.MonkeyPatch) -> None:
    original = Guided.features

    def features(self: Guided, *a: object) -> object:
        return original(replace(self, guidance_scale=self.guidance_scale * (1 + TINY)), *a)  # type: ignore[arg-type]

    patch.setattr(Guided, "features", features)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("perturb", "name"),
    [
        (_more_lambda, "traj/ids_N3_lam1.0"),
        (_more_alpha, "traj/ids_N3_lam1.0"),
        (_more_guidance, "traj/ids_N3_lam1.0"),
        (_more_temperature, "traj/cds"),
        (_more_guidance, "single/pds_repo"),
        (_more_beta, "single/pds_repo"),
        (_more_guided_features, "traj/cds"),
    ],
)
def test_a_relative_change_of_1e_6_is_detected(
    perturb: Callable[[pytest.MonkeyPatch], None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    perturb(monkeypatch)
    replay = replay_for(Golden(GOLDEN), name)
    assert not isinstance(replay, str)
    assert not replay(Golden(GOLDEN), name).ok


@pytest.mark.slow
def test_the_script_prints_ok_fail_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "golden"
    shutil.copytree(GOLDEN, folder)
    wrong = json.loads((folder / "traj/dds.json").read_text())
    wrong["hyper"]["guidance"] = 7.5001
    (folder / "traj/dds.json").write_text(json.dumps(wrong))
    (folder / "traj/new.json").write_text(
        json.dumps({"hyper": {"method": "new", "with_cut": False}})
    )
    shutil.copy(folder / "traj/dds.safetensors", folder / "traj/new.safetensors")
    monkeypatch.setattr("sys.argv", ["parity.py", str(folder), "--only", "traj"])
    assert parity.main() == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "FAIL" in lines["traj/dds"]
    assert " ok " in lines["traj/ids_N3_lam1.0"]
    assert "skipped (" in lines["traj/new"]
