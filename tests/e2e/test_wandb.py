"""The offline run, read back: configuration, curves, an image, PSNR, seconds, memory."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conftest import Ids
from wandb.proto.wandb_internal_pb2 import Record

BLOCK, HEAD = 32768, 7


def records(path: Path) -> Iterator[Record]:
    """The records of a .wandb file: LevelDB's log format after a header of seven bytes. Private to
    wandb, so it is read here and nowhere else.
    """
    data, at, pending = path.read_bytes(), HEAD, b""
    while at + HEAD <= len(data):
        left = BLOCK - at % BLOCK
        if left < HEAD:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEAD])
        if kind == 0:
            at += left
            continue
        pending += data[at + HEAD : at + HEAD + length]
        at += HEAD + length
        if kind in (1, 4):
            record = Record()
            record.ParseFromString(pending)
            pending = b""
            yield record


def items(node: Any) -> dict[str, Any]:
    return {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in node}


def test_everything_is_in_the_offline_run(ids: Ids) -> None:
    words = (
        "run",
        "debug=fast",
        "controls=none",
        "logger=standard",
        "logger.wandb.group=study",
        "method=ids",
    )
    done = ids(*words, "method.n_steps=5")
    assert done.returncode == 0, done.stderr
    (file,) = (ids.folder / "outputs" / "wandb").glob("offline-run-*/run-*.wandb")
    config: dict[str, Any] = {}
    history: dict[str, list[Any]] = {}
    summary: dict[str, Any] = {}
    group = ""
    for record in records(file):
        match record.WhichOneof("record_type"):
            case "run":
                config |= items(record.run.config.update)
                group = record.run.run_group or group
            case "history":
                for key, value in items(record.history.item).items():
                    history.setdefault(key, []).append(value)
            case "summary":
                summary |= items(record.summary.update)
    assert config["method"]["n_steps"] == 5
    assert config["fpr"]["n_iters"] == 3
    assert group == "study"
    assert history["curve/step"] == list(range(1, 6))
    assert len(history["curve/gradient"]) == 5
    assert len(history["curve/fpr_residual_2"]) == 5
    assert len(history["edit/psnr"]) == 2
    assert history["edit/seconds"][0] > 0
    assert history["edit/peak_memory_mb"][0] > 10
    assert {"psnr", "seconds", "peak_memory_mb", "latent_distance"} <= set(summary)
    assert list(file.parent.glob("files/media/images/**/*.png"))


def test_no_key_is_ever_written(ids: Ids) -> None:
    secret = "0123456789abcdef0123456789abcdef01234567"
    words = ("run", "debug=fast", "controls=none", "logger=standard", "method=null_edit")
    done = ids(*words, WANDB_API_KEY=secret)
    assert done.returncode == 0, done.stderr
    assert secret not in done.stdout + done.stderr
    for path in ids.folder.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


def test_a_logger_gets_missing_results_once(ids: Ids) -> None:
    """As after a kill between an edit and its log entry: the result exists, the run does not."""
    words = ("run", "debug=fast", "controls=none", "method=dds", "method.n_steps=2")
    assert ids(*words, "logger=files").returncode == 0
    folder = ids.folder / "outputs" / "wandb"
    for _ in range(2):
        done = ids(*words, "logger=standard")
        assert "nothing to do" in done.stderr
        assert len(list(folder.glob("offline-run-*"))) == 1
    log = (ids.folder / "outputs" / "logs" / "dds.jsonl").read_text()
    assert log.count('"event": "config"') == 1
