"""Keys do not move when names do, and records of version 0.2 are read in today's names."""

import json
from pathlib import Path

import msgspec
import pytest

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.run import Experiment
from ids.run.evaluate import metric_columns
from ids.run.former_names import method_in_keys, method_today
from ids.run.job import plan
from ids.run.records import EditRecord, MetricsRecord
from ids.run.sealed import seal, unseal

GOLDEN_KEYS = {  # words -> name, key of the setting, key of the first edit
    "method=sds fpr=none debug=fast": (
        "sds",
        "ec9c2137bc09a13bda30927aabafa75e",
        "5f03ae42c947afa0398756e810805648",
    ),
    "method=dds fpr=released debug=fast": (
        "ids",
        "67ea2f3091e3213b4454cc77065c2b5a",
        "63baca008b7b09f42eae3f70de622b97",
    ),
    "method=pds fpr=polyak debug=fast": (
        "pds+polyak",
        "736c9f6f4981f8e525bd04de9a22e365",
        "a846eedd536af935222acaa3aa43e092",
    ),
    "method=dds_and_back fpr=none debug=fast": (
        "dds_and_back",
        "575d30f7f1fc2f18c50ef7900ab885ab",
        "5997f9a4db29cb60eb0b9801bf326f37",
    ),
    "method=sdedit fpr=none debug=fast": (
        "sdedit",
        "9e179dc7cf6cabefdaa480afe4e262a3",
        "9867a3a4120deee4067dcdbc43f4a49a",
    ),
    "method=null_edit fpr=none debug=fast": (
        "null_edit",
        "e2485ee64462380d2349b2f48380f553",
        "9e0635c87fe4ad6933e2531773a4e5a8",
    ),
    "method=true_edit fpr=none debug=fast": (
        "true_edit",
        "1c8baba8cfdfcedb72baae551135a4b4",
        "0dc34432e3328aa6e4defafe140c4ab8",
    ),
    "method=cds backbone=shapes": (
        "cds",
        "c7eb9df314a69d3ea0f80e352f5b1c0a",
        "7fec4c780b5ada3126b89002d23cd854",
    ),
    "method=p2p inversion=null_text backbone=shapes": (
        "p2p+null_text",
        "b0d22df63a612e02c95de75a108e1e17",
        "7a775cb96c1fb2ff3dd6b736b1436edb",
    ),
    "method=ids_and_back backbone=shapes": (
        "ids_and_back",
        "654e2fd7eb8bb882b0f41c66fab37795",
        "38f9b0bf0cbe05bf5c5c64155e58fb71",
    ),
}


def experiment(*words: str) -> Experiment:
    (setting,) = compose_all(words)
    return build_experiment(setting)


@pytest.mark.parametrize("words", GOLDEN_KEYS)
def test_keys_are_those_of_version_0_2(words: str) -> None:
    run = experiment(*words.split())
    setting = run.setting(run.method)
    first = plan(setting, run.method.editor, [run.dataset[0]], run.seeds)[0]
    assert (setting.name, setting.key, first.key) == GOLDEN_KEYS[words]


def test_only_classes_of_this_package_are_renamed() -> None:
    today = {
        "_target_": "ids.editing.ThereAndBack",
        "via": "image",
        "there": {
            "_target_": "ids.editing.DistillationEditor",
            "fpr": {"_target_": "ids.methods.NoRefinement"},
            "terms": [{"_target_": "ids.methods.NoRefinement"}],
        },
    }
    former = method_in_keys(today)
    assert former == {
        "_target_": "ids.editing.ThereAndBack",
        "via": "picture",
        "there": {
            "_target_": "ids.editing.DistillationEditor",
            "refine": {"_target_": "ids.methods.AsDrawn"},
            "terms": [{"_target_": "ids.methods.AsDrawn"}],
        },
    }
    assert method_today(former) == today
    foreign = {"_target_": "mine.Editor", "fpr": 1, "refine": 2, "via": "image", "strength": 3}
    assert method_in_keys(foreign) == method_today(foreign) == foreign
    outside = {"_target_": "mine.NoRefinement"}
    assert method_in_keys(outside) == method_today(outside) == outside


def as_version_0_2(folder: Path) -> None:
    """The records of a store as 0.2 wrote them."""
    for path in folder.rglob("*.json"):
        content = json.loads(path.read_text())
        del content["sha256"]
        content["schema_version"] = 2
        if path.name == "job.json":
            del content["representation"]
            content["method"] = method_in_keys(content["method"])
            for field in ("revisions", "code"):
                content[field]["AsDrawn"] = content[field].pop("NoRefinement")
        if path.name.startswith("metrics-"):
            for field in ("values", "along"):
                renamed = content[field].pop("latent_distance@1", None)
                content[field] |= {"strength@1": renamed} if renamed else {}
            for value in content["values"].values():
                for added in ("title", "digits", "weights"):
                    del value[added]
        fields = msgspec.defstruct("Former", [(name, object) for name in content])
        path.write_bytes(seal(fields(**content)))


def test_a_store_of_version_0_2_is_read_and_a_rerun_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["debug=fast", "method=dds", "controls=none", "method.n_steps=2", "keep_every=1"]
    run = experiment(*words)
    outcomes = run.run(Path("run"))
    numbers = [run.store.numbers.metrics(o.job.key, o.job.case.digest) for o in outcomes]
    as_version_0_2(run.store.root)
    files = {
        path: path.read_bytes() for path in sorted(run.store.root.rglob("*")) if path.is_file()
    }

    again = experiment(*words)
    assert [o.status for o in again.run(Path("again"))] == ["ok", "ok"]
    assert {path: path.read_bytes() for path in files} == files
    assert sorted(path for path in run.store.root.rglob("*") if path.is_file()) == list(files)
    assert caplog.text == ""
    record = run.store.look(outcomes[0].job.key).record
    assert record is not None
    assert record.method["fpr"] == {"_target_": "ids.methods.NoRefinement"}
    assert record.revisions["NoRefinement"] == 1
    for outcome, before in zip(outcomes, numbers, strict=True):
        now = run.store.numbers.metrics(outcome.job.key, outcome.job.case.digest)
        assert {k: v.value for k, v in now.values.items()} == {
            k: v.value for k, v in before.values.items()
        }
        assert now.along == before.along
        assert now.values["latent_distance@1"].title == ""
        assert metric_columns([now.values])["latent_distance@1"] == "latent_distance"


def test_records_round_trip_in_todays_names() -> None:
    record = MetricsRecord(key="k", case="c", along={"latent_distance@1": [0.0]})
    assert unseal(seal(record), MetricsRecord) == record
    assert "representation" in EditRecord.__struct_fields__
