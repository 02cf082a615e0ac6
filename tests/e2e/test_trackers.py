"""The real trackers, offline: what they wrote is read back."""

import json
import sqlite3
from pathlib import Path
from typing import cast

import pytest
import wandb
from conftest import Ids
from PIL import Image as PIL
from wandb_file import OfflineRun, read_run

from ids.core.errors import ConfigError
from ids.core.logs import RunInfo
from ids.log import WeightsAndBiases
from ids.log.weights_and_biases import has_account

WORDS = ("run", "debug=fast", "controls=none", "method=ids", "method.n_steps=5")
UNREACHABLE = "http://127.0.0.1:9"
SECRET = "0123456789abcdef0123456789abcdef01234567"


def offline(ids: Ids) -> list[tuple[Path, OfflineRun]]:
    files = sorted((ids.folder / "outputs" / "wandb").glob("offline-run-*/run-*.wandb"))
    return [(file.parent, read_run(file)) for file in files]


def assert_staged_images(ids: Ids) -> None:
    """Four images of each of two cases, in the table that a sync uploads."""
    staged = (ids.folder / "outputs" / "wandb" / "data").rglob("*")
    content = [file.read_bytes() for file in staged if file.is_file()]
    assert sum(file.startswith(b"\x89PNG") for file in content) == 8
    tables = [json.loads(file) for file in content if b'"_type": "table"' in file]
    (row, *_) = next(table["data"] for table in tables if "case_seed" in table["columns"])
    assert [row[place]["_type"] for place in range(5, 9)] == ["image-file"] * 4


def test_everything_is_in_the_offline_run(ids: Ids) -> None:
    """Then a second command sends nothing, a third one what is new, and `ids log` nothing."""
    options = ("group=study", "tags=[paper,v2]", "notes=first", "job_type=trial")
    words = (*WORDS, "logger=standard", *(f"logger.wandb.{option}" for option in options))
    assert ids(*words).returncode == 0
    ((folder, run),) = offline(ids)
    assert run.config["method"]["n_steps"] == 5
    assert run.config["fpr"]["n_iters"] == 3
    assert "torch" in run.config["environment"]["packages"]
    assert run.config["environment"]["engine"]["device"] == "cpu"
    assert (run.name, run.group, run.job_type, run.notes) == ("ids", "study", "trial", "first")
    assert run.tags == ["paper", "v2"]
    assert run.history["curve/step"] == list(range(1, 6))
    assert len(run.history["curve/gradient"]) == 5
    assert len(run.history["curve/fpr_residual_2"]) == 5
    assert run.history["edit/step"] == [0, 1]
    assert run.history["edit/seconds"][0] > 0
    assert run.history["edit/peak_mb"][0] > 10
    assert run.history["progress/done"][-1] == 2
    assert run.summary["psnr/low"] <= run.summary["psnr/mean"] <= run.summary["psnr/high"]
    assert run.summary["psnr/n"] == run.summary["cases"] == 2
    rows = run.table("cases", folder)
    assert [row["case_seed"].partition("/")[2] for row in rows] == ["0", "0"]
    assert_staged_images(ids)
    assert rows[0]["psnr"] in run.history["edit/psnr"]
    assert "nothing to do" in ids(*words).stderr
    assert len(offline(ids)) == 1
    assert ids(*words, "limit=3", "dataset.count=4").returncode == 0
    (_, more) = offline(ids)[-1]
    assert more.id == run.id
    assert more.history["edit/step"] == [2]
    assert "curve/step" not in more.history
    assert min(more.history["_step"]) > max(run.history["_step"])
    assert more.summary["psnr/n"] == 3
    done = ids("log", "logger=wandb")
    assert "wandb: ids (shapes-dev-v1 on gaussian): 0 of 3 edits sent" in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [["wandb", "sync"]] * 2
    assert all((ids.folder / line.split()[2]).is_dir() for line in done.stdout.splitlines()[1:])


def test_no_key_and_no_home_is_ever_written(ids: Ids) -> None:
    """Not by Weights & Biases either, which has nothing below the home folder but the store."""
    home = ids.folder
    PIL.new("RGB", (64, 64), "red").save(home / "photo.png")
    image = (str(home / "photo.png"), "--source", "a red disc", "--target", "a blue disc")
    words = ("--backbone", "gaussian", "method.n_steps=1", "logger=wandb", "controls=none")
    words += ("metrics=standard",)
    done = ids("edit", *image, *words, WANDB_API_KEY=SECRET, HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    ((folder, run),) = offline(ids)
    assert "~/photo.png" in json.dumps(run.config["dataset"])
    assert run.host == ""
    for path in ids.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()
    for path in folder.parent.rglob("*"):
        assert not path.is_file() or str(home).encode() not in path.read_bytes(), path
    assert all(path.is_relative_to(folder.parent) for path in home.rglob("wandb"))


def test_a_logger_gets_missing_results_once(ids: Ids) -> None:
    """As after a kill between an edit and its log entry: the result exists, the run does not."""
    words = ("run", "debug=fast", "controls=none", "method=dds", "method.n_steps=2")
    assert ids(*words, "logger=files").returncode == 0
    for _ in range(2):
        assert "nothing to do" in ids(*words, "logger=standard").stderr
        assert len(offline(ids)) == 1
    log = (ids.folder / "outputs" / "logs" / "dds.jsonl").read_text()
    assert log.count('"event": "config"') == 1


def test_trackio_has_the_same_run(ids: Ids) -> None:
    """Logged by `ids log`, from results that no tracker has seen."""
    assert ids(*WORDS, "logger=none").returncode == 0
    for new in (2, 0):
        done = ids("log", "logger=trackio")
        assert f"trackio: ids (shapes-dev-v1 on gaussian): {new} of 2 edits sent" in done.stdout
    with sqlite3.connect(ids.folder / "outputs" / "trackio" / "ids.db") as database:
        found = database.execute("SELECT metrics, step FROM metrics ORDER BY step").fetchall()
        ((config,),) = database.execute("SELECT config FROM configs").fetchall()
    points = [json.loads(metrics) for metrics, _ in found]
    assert [step for _, step in found] == list(range(len(found)))
    assert [point["edit/step"] for point in points if "edit/step" in point] == [0, 1]
    assert json.loads(config)["method"]["n_steps"] == 5
    (table,) = [point["cases"]["_value"] for point in points if "cases" in point]
    assert table[0]["edit"]["_type"] == "trackio.image"
    assert table[0]["source"]["_type"] == "trackio.image"  # from the run's data set
    (last,) = [point for point in points if "summary/psnr/mean" in point]
    assert last["summary/psnr/n"] == 2
    refused = ids("log", "method=dds")
    assert refused.returncode == 2
    assert "method=dds: expected logger=... or logger.key=value" in refused.stderr
    assert refused.stderr.count("\n") == 1


INFO = RunInfo("0123456789abcdef", "ids", "ids " + "x" * 300, "g" * 300, "method", {})


def opened(monkeypatch: pytest.MonkeyPatch, refuse: bool = False) -> list[dict[str, object]]:
    """The options of every `wandb.init` from now on."""

    class Run:
        step = 0

        def define_metric(self, *_: object, **__: object) -> None: ...

    options: list[dict[str, object]] = []

    def init(**given: object) -> object:
        options.append(given)
        if refuse and given["mode"] == "online":
            raise wandb.errors.CommError("no answer to secret-key\nafter 90 s")
        return Run()

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setattr(wandb, "teardown", lambda: None)
    return options


def test_a_login_for_the_server_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that wandb would use: of a server of your own, and of the hosted one, whose former
    name counts as well.
    """
    logins = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(logins))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    hosted = wandb.Settings().base_url
    for server, host, found in (
        (hosted, hosted.removeprefix("https://"), True),
        (hosted, "api.wandb.ai", True),
        (hosted, "wandb.lab.org", False),
        ("https://wandb.lab.org", "wandb.lab.org", True),
        ("https://wandb.lab.org", "api.wandb.ai", False),
    ):
        logins.write_text(f"machine {host} login user password {SECRET}\n")
        assert has_account(wandb.Settings(base_url=server)) == found, (server, host)
    assert has_account(wandb.Settings(base_url=hosted, api_key=SECRET))


def test_an_unreachable_service_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once for all settings of a command; and the account's key is never logged."""
    options = opened(monkeypatch, refuse=True)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "secret-key")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    logger = WeightsAndBiases("ids", str(tmp_path))
    for _ in range(3):
        logger.open(INFO)
    assert [one["mode"] for one in options] == ["online", "offline", "offline", "offline"]
    assert caplog.text.count("cannot be reached (no answer to ...)") == 1
    assert "secret-key" not in caplog.text


def test_without_its_server_the_run_is_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the real service: it must not keep the id of the run that it could not open."""
    wandb.teardown()  # it reads the environment once
    for name, value in (("MODE", "online"), ("API_KEY", SECRET), ("BASE_URL", UNREACHABLE)):
        monkeypatch.setenv(f"WANDB_{name}", value)
    for name in ("DATA_DIR", "CACHE_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path))
    try:
        run = WeightsAndBiases("ids", str(tmp_path), wait=1.0).open(INFO)
        run.scalars("edit", 0, {"psnr": 20.0})
        run.finish()
    finally:
        wandb.teardown()
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    found = read_run(file)
    assert (found.id, found.history["edit/psnr"]) == (INFO.id, [20.0])
    assert capfd.readouterr() == ("", "")


def test_a_run_of_the_caller_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the service cannot be reached, other runs of this process stay open."""
    wandb.teardown()
    names = ("API_KEY", "BASE_URL", "DATA_DIR", "CACHE_DIR")
    for name, value in zip(names, (SECRET, UNREACHABLE, *[str(tmp_path)] * 2), strict=True):
        monkeypatch.setenv(f"WANDB_{name}", value)
    try:
        settings = wandb.Settings(silent=True, console="off")
        theirs = wandb.init(project="theirs", mode="offline", dir=tmp_path, settings=settings)
        monkeypatch.setenv("WANDB_MODE", "online")
        ours = WeightsAndBiases("ids", str(tmp_path), wait=1.0)
        with pytest.raises(ConfigError, match=r"other open runs of wandb.*mode=offline"):
            ours.open(INFO)
        theirs.log({"loss": 1.0})
        theirs.finish()
    finally:
        wandb.teardown()
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert read_run(file).history["loss"] == [1.0]


def test_names_fit_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    options = opened(monkeypatch)
    WeightsAndBiases("ids", str(tmp_path)).open(INFO)
    (given,) = options
    assert len(str(given["name"])) == len(str(given["group"])) == 128
    assert (given["id"], given["resume"]) == (INFO.id, "allow")
    settings = cast("wandb.Settings", given["settings"])
    assert (settings.x_disable_stats, settings.x_disable_meta, settings.console) == (
        False,  # the load of the machine is recorded
        True,
        "off",
    )
    with pytest.raises(ValueError, match="tags: expected 1 to 64 characters"):
        WeightsAndBiases("ids", str(tmp_path), tags=["t" * 65])
