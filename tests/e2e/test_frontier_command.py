"""`ids frontier`, and `ids table --matched` with sampling baselines, in the exact world."""

import json
from pathlib import Path

import pytest
from conftest import InProcess

import ids
from ids.core.errors import ConfigError

FAST = ("debug=fast", "limit=3", "controls=none")
SDEDIT = ("run", "-m", *FAST, "method=sdedit", "method.strength=0.2,0.5,0.9", "method.n_steps=10")
DDS = ("run", *FAST, "method=dds", "method.n_steps=30", "keep_every=10")
AXES = ("--x", "latent_distance", "--y", "psnr")


@pytest.mark.slow
def test_a_swept_baseline_has_a_frontier_beside_an_optimizing_method(
    in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for words in (SDEDIT, DDS):
        assert in_process(*words)[0] == 0
    status, out, err = in_process("frontier", *AXES, "--write")
    assert status == 0, err
    assert "sdedit: along strength, 0.2 to 0.9 (3 settings)." in out
    (written,) = (p for p in Path("outputs/tables").glob("*.md") if ".card" not in p.name)
    report = json.loads(written.with_suffix(".json").read_text())
    means = {row["method"]: row["cells"] for row in report["grids"][0]["rows"]}
    assert means["sdedit"]["first"]["value"] == 0.2
    assert means["sdedit"]["weakest"]["value"] < means["sdedit"]["strongest"]["value"]
    assert means["dds"]["last"]["value"] == 30
    assert {".png", ".svg", ".tex", ".csv", ".html"} <= {
        path.suffix for path in written.parent.iterdir()
    }
    matched = in_process("table", "--matched", "--axis", "latent_distance", "--wide")[1]
    assert "paired differences at" in matched
    frame = ids.results(states=True)
    numbers = ids.frontier(frame, "latent_distance", "psnr")
    value = numbers.set_index(["method", "against", "column"])["value"]
    assert value["sdedit", "", "mean"] == means["sdedit"]["mean"]["value"]
    assert 0 <= value["sdedit", "dds", "dominance"] <= 1
    level = means["sdedit"]["strongest"]["value"] / 2
    read = ids.matched(frame, "latent_distance", level, columns="psnr")
    assert set(read["column"]) == {"knob", "latent_distance", "psnr"}
    assert read.loc[read["column"] == "latent_distance", "value"].tolist() == pytest.approx(
        [level] * 2
    )


def test_bad_words_have_one_line_and_a_remedy(in_process: InProcess) -> None:
    assert in_process(*DDS)[0] == 0
    for words, message in {
        ("--knob", "dds"): "--knob: expected METHOD=KEY; got 'dds'",
        ("--knob", "p2p=self_share"): "--knob: expected a method of the results (dds); got p2p",
        ("--knob", "dds=nonsense"): "--knob dds=nonsense: expected one number",
        ("--x", "nonsense"): "got 'nonsense'; name another with --x",
        ("--x", "psnr", "--y", "psnr"): "--y: expected another metric than --x",
        ("--x", "psnr", "--y", "latent_distance"): "neither is; choose another",
    }.items():
        status, _, err = in_process("frontier", *words)
        assert status == (1 if "nonsense" in words else 2), words
        assert message in err
        assert len(err.splitlines()) == 1
    assert in_process("table", "--knob", "dds=steps")[0] == 2  # without --matched
    for function in (ids.matched, ids.frontier):
        with pytest.raises(ConfigError, match=r"got one without step; keep its columns"):
            function(ids.results())
