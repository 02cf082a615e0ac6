"""The command in a subprocess, on the exact world."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from conftest import Ids

FAST = ("debug=fast", "controls=none")


def test_a_sweep_over_every_method_then_the_table(ids: Ids) -> None:
    done = ids("run", "-m", *FAST, "method=glob(*,exclude=_*)", "seeds=[0,1]", "limit=1")
    assert done.returncode == 0, done.stderr
    # null edit, true edit, reconstruction, pnp and p2p need no seed
    assert len(ids.results()) == 5 + 26 * 2
    for name in ("null_edit", "sds", "dds", "pds", "ids", "true_edit", "paired differences"):
        assert name in done.stdout
    assert "0, 1 unsupported" in done.stdout  # cds and ids_cut: a Gaussian shows no features
    assert "2 not edited: method=cds: expected a backbone that gives features" in done.stdout
    assert "1 not edited: method=pnp: expected a backbone that gives hooks" in done.stdout
    sheet = Path(done.stdout.split("contact sheet: ")[1].splitlines()[0])
    assert (ids.folder / sheet).stat().st_size > 1000
    table = ids("table", "--write")
    assert "PSNR true" in table.stdout
    assert list((ids.folder / "outputs" / "tables").glob("*.md"))


def test_matched_strength_from_the_states_of_a_run(ids: Ids) -> None:
    done = ids("run", "-m", "debug=fast", "method=dds,ids", "method.n_steps=6", "keep_every=2")
    assert done.returncode == 0, done.stderr
    table = ids("table", "--matched", "--write")
    assert table.returncode == 0, table.stderr
    assert "first reaches" in table.stdout
    for name in ("null_edit", "dds", "ids", "true_edit", "paired differences"):
        assert name in table.stdout
    written = ids.folder / "outputs" / "tables"
    assert [path.suffix for path in sorted(written.glob("*latent_distance*.png"))] == [".png"]
    assert "latent_distance" in next(written.glob("*latent_distance.md")).read_text()
    assert ids("table", "--tag", "nonsense").returncode == 1
    wrong = ids("table", "--matched", "--axis", "beauty")
    assert wrong.returncode == 1
    assert "name another with --axis" in wrong.stderr
    assert "--matched; add it" in ids("table", "--at", "0.5").stderr


def test_nothing_kept_nothing_matched(ids: Ids) -> None:
    words = ("debug=fast", "method=dds", "method.n_steps=2")
    assert ids("run", *words, "keep_every=0").returncode == 0
    store = ids.store()
    assert all(store.states(key) == {} for key in store.all_keys())
    answer = ids("table", "--matched")
    assert answer.returncode == 1
    assert "keep_every=10" in answer.stderr
    assert "keep_every: expected 0" in ids("run", *words, "keep_every=-1").stderr


def test_the_embedded_world_has_networks_of_its_own(ids: Ids) -> None:
    words = ("metrics=shapes", "logger=files", "limit=2", "method=dds", "method.n_steps=2")
    done = ids("run", *words)
    assert done.returncode == 0, done.stderr
    for name in ("success", "feat. dist.", "CLIP dir.", "shapes-clip-"):
        assert name in done.stdout
    assert "lpips" not in done.stdout.lower()
    log = (ids.folder / "outputs" / "logs" / "dds.jsonl").read_text()
    assert "along/success" in log


def test_existing_results_are_skipped(ids: Ids) -> None:
    assert ids("run", *FAST, "method=dds", "~metrics.ssim").returncode == 0
    before = {path: path.stat().st_mtime_ns for path in ids.results()}
    again = ids("run", *FAST, "method=dds", PYTHONHASHSEED="1")  # keys know no order of sets
    assert "nothing to do, 2 edits exist already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in ids.results()} == before
    (metrics,) = ids.results()[0].parent.glob("metrics-*.json")
    assert {"psnr@2", "ssim@1"} <= set(json.loads(metrics.read_text())["values"])


def test_values_that_a_method_ignores_make_no_new_job(ids: Ids) -> None:
    done = ids("run", "-m", *FAST, "limit=1", "method=dds", "fpr.scale=0.3,1,3")
    assert done.returncode == 0, done.stderr
    assert len(ids.results()) == 1
    sweep = ("method=ids", "fpr.scale=0.3,1", "fpr.n_iters=1,2")
    done = ids("run", "-m", "--wide", *FAST, "limit=1", *sweep)
    assert len(ids.results()) == 1 + 4
    assert "ids (fpr.n_iters=1, fpr.scale=0.3)" in done.stdout.replace("\n", "")


def test_equal_seeds_give_equal_results_whatever_the_batch(ids: Ids) -> None:
    words = ("run", *FAST, "method=ids", "limit=3")
    for size in (1, 3):
        assert ids(*words, f"engine.batch_size={size}", f"output_dir=out{size}").returncode == 0
    images = [
        {p.parent.name: p.read_bytes() for p in (ids.folder / f"out{size}").rglob("edit.png")}
        for size in (1, 3)
    ]
    assert len(images[0]) == 3
    assert images[0] == images[1]


def test_a_single_run_is_refused_before_the_first_edit(ids: Ids) -> None:
    refused = ids("run", *FAST, "method=cds", "backbone=gaussian")
    assert refused.returncode == 2
    assert "method=cds: expected a backbone that gives features" in refused.stderr
    assert "gaussian gives posterior" in refused.stderr
    assert not ids.results()


def test_every_rule_takes_every_refiner(ids: Ids) -> None:
    """`fpr=` on the command line refines any rule, and the table shows it. IDS is DDS on refined
    noise, by either word; N and lambda alone refine nothing, with a note.
    """
    family = "none,released,squared,noise,finite_difference,polyak"
    fast = (*FAST, "limit=1", "method.n_steps=2")
    done = ids("run", "-m", *fast, "method=dds,ids,pds", f"fpr={family}")
    assert done.returncode == 0, done.stderr
    assert len(ids.results()) == 6 + 0 + 6
    for name in ("dds", "ids", "ids+polyak", "pds+finite_difference"):
        assert name in done.stdout
    assert "dds+" not in done.stdout
    store = ids.store()
    logs = {name for key in store.all_keys() for name in store.trace(key).curves}
    assert {"fpr_residual_after", "eps_star_norm", "eps_star_lag1", "eps_star_kurtosis"} <= logs
    again = ids("run", *fast, "method=dds", "fpr.n_iters=3")
    assert "fpr.n_iters=3: changes nothing; no method of this run refines its noise" in again.stderr
    assert "nothing to do" in again.stderr


def test_contrast_on_the_embedded_network(ids: Ids) -> None:
    words = ("logger=files", "metrics=standard", "controls=none", "limit=2", "method.n_steps=1")
    done = ids("run", "-m", *words, "method=cds,ids_cut", "fpr=polyak")
    assert done.returncode == 0, done.stderr
    assert len(ids.results()) == 2  # the same edits by two words
    assert "ids_cut+polyak" in done.stdout


def test_a_killed_run_is_continued(ids: Ids) -> None:
    words = ["run", *FAST, "method=ids", "limit=6", "engine.batch_size=1"]
    words += ["method.n_steps=300"]
    for how in (signal.SIGKILL, signal.SIGINT):
        had = len(ids.results())
        running = subprocess.Popen(
            [sys.executable, "-m", "ids.cli", *words],
            cwd=ids.folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 120
        while len(ids.results()) == had and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(how)
        _, answer = running.communicate(timeout=60)
        assert had < len(ids.results()) < 6
        if how == signal.SIGINT:
            assert running.returncode == 130
            assert "finished edits are kept" in answer
            assert "Traceback" not in answer
    done = ids(*words)
    assert done.returncode == 0, done.stderr
    assert len(ids.results()) == 6
    assert "kept" in done.stderr or "edits" in done.stderr


def test_a_reader_finds_what_a_result_is(ids: Ids) -> None:
    assert ids("run", *FAST, "method=ids", "method.n_steps=4").returncode == 0
    folder = ids.results()[0].parent
    job = json.loads((folder / "job.json").read_text())
    assert job["method"]["n_steps"] == 4
    assert job["method"]["fpr"]["n_iters"] == 3
    assert job["revisions"]["FPR"] == 1
    assert ids.store().trace(folder.name).curves["fpr_residual"].shape == (4, 3)
    assert job["environment"]["packages"]["torch"]
    taken = ids.store().numbers.measurements()[folder.name]
    assert taken.forwards == 4 * (3 * 2 + 4)  # N guided forwards, then source and target
    assert taken.backwards == 4 * 3 * 2
    assert taken.seconds > 0
    log = (ids.folder / "outputs" / "logs" / "ids.jsonl").read_text()
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert {"config", "curve", "edit", "progress", "summary"} == set(events)


def test_the_controls_are_in_every_table(ids: Ids) -> None:
    done = ids("run", "debug=fast", "method=sds", "method.n_steps=2")
    assert done.returncode == 0, done.stderr
    for name in ("null_edit", "sds", "true_edit"):
        assert name in done.stdout
    assert len(ids.results()) == 3 * 2


def test_help_has_examples(ids: Ids) -> None:
    for words in ([], ["run"], ["edit"], ["table"], ["doctor"]):
        answer = ids(*words, "--help")
        assert answer.returncode == 0
        assert f"  ids {words[0] if words else 'run'}" in answer.stdout


def test_doctor_names_packages_and_caches(ids: Ids) -> None:
    answer = ids("doctor")
    assert "torch " in answer.stdout
    assert "hub cache" in answer.stdout
    (ids.folder / "torchvision").mkdir()
    (ids.folder / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('no such operator')"
    )
    broken = ids("doctor", PYTHONPATH=str(ids.folder))
    assert broken.returncode == 1
    assert "torchvision does not fit torch" in broken.stdout
