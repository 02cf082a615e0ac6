"""Every study of the paper composes and builds at both sizes, and with debug=fast."""

import re
from pathlib import Path

import pytest
from conftest import ROOT, Compose, InProcess

from ids.config.build import build_experiment
from ids.config.sources import find_sources
from ids.doctor.presets import examine_files
from ids.run.session import Session

STUDIES = [name for name in find_sources().options("experiments") if name.startswith("paper/")]
HEAD = ("# Claim: ", "# Run: ids run experiments=", "# Takes: ", "# Shows: ", "# Needs: ")


@pytest.fixture(scope="module")
def sessions() -> list[Session]:
    """One session for all studies: they share the parts that they configure alike."""
    return []


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_composes_and_builds(compose: Compose, sessions: list[Session], name: str) -> None:
    """All settings of the demo; of the others, those of its last method."""
    words = [f"experiments={name}"]
    demo = compose(words)
    last = f"method={demo[-1].choices['method']}"
    paper, fast = compose([*words, last, "size=paper"]), compose([*words, last, "debug=fast"])
    assert {one.values["backbone"]["path"] for one in demo} == {"shapes"}
    assert {one.values["backbone"]["path"] for one in paper} == {"CompVis/stable-diffusion-v1-4"}
    assert {one.choices["backbone"] for one in fast} == {"gaussian"}
    for setting in (*demo, *paper, *fast):
        session = sessions[0] if sessions else None
        sessions[:] = [build_experiment(setting, True, session).session]


@pytest.mark.parametrize("name", STUDIES)
def test_the_head_of_a_study_is_complete(name: str) -> None:
    head = (ROOT / "experiments" / f"{name}.yaml").read_text().split("defaults:")[0]
    lines = head.splitlines()[2:]
    assert [next(k for k in HEAD if line.startswith(k)) for line in lines] == list(HEAD)
    assert f"experiments={name}" in head


def test_make_runs_every_study() -> None:
    match = re.search(r"^PAPER := (.*)$", Path(ROOT / "Makefile").read_text(), re.MULTILINE)
    assert match
    assert sorted(f"paper/{name}" for name in match[1].split()) == STUDIES


def test_the_doctor_names_what_a_study_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IDS_DATA", str(tmp_path))
    words = ["experiments=paper/table1", "method=ids"]
    assert examine_files(words) == 0
    assert examine_files([*words, "size=paper"]) == 1
    missing = [one for one in capsys.readouterr().out.splitlines() if one.startswith("MISSING")]
    assert f"MISSING  dataset: folder of images, {tmp_path}/cats; put the images there" in missing
    assert all("; " in line for line in missing)


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_runs_in_small(in_process: InProcess, name: str) -> None:
    """On the exact world, where methods that read a network's features are not supported."""
    words = (f"experiments={name}", "debug=fast", "limit=1", "steps.n_steps=2")
    status, out, err = in_process("run", *words, "controls=none")
    assert "Traceback" not in err
    assert status == 0 or "expected a backbone" in err
    assert "gaussian" in out or "not supported" in err
