"""The groups `finish` and `guidance`: what they are in a method, in its key and in messages."""

from collections.abc import Callable

import pytest
from conftest import Compose

from ids.config.build import build_experiment
from ids.config.entry import prepare
from ids.core.errors import ConfigError
from ids.editing import DistillationEditor, Finished
from ids.run import Experiment

QUICK = "method.n_steps=20"
Make = Callable[..., Experiment]


@pytest.fixture
def experiment(compose: Compose) -> Make:
    """What these words build."""

    def make(*words: str) -> Experiment:
        (setting,) = compose(words)
        return build_experiment(setting)

    return make


def test_what_changes_no_result_is_no_part_of_a_key(experiment: Make) -> None:
    found = experiment(QUICK, "method=dds", "guidance=constant", "finish=none")
    setting = found.setting(found.method)
    assert {"guidance", "finish"}.isdisjoint(setting.method)
    assert {"ConstantGuidance", "NoFinish"}.isdisjoint(setting.revisions)
    assert {"ConstantGuidance", "NoFinish"}.isdisjoint(setting.code)
    assert isinstance(found.method.editor, DistillationEditor)


def test_what_changes_results_is_part_of_the_key(experiment: Make) -> None:
    def key(*words: str) -> str:
        found = experiment(QUICK, *words)
        return found.setting(found.method).key

    words = ("", "guidance=settle", "guidance=linear", "guidance=cosine")
    words += ("finish=displacement_mask", "finish=gradient_mask")
    keys = [key("method=dds", *word.split()) for word in words]
    keys.append(key("method=dds", "finish=displacement_mask", "finish.quantile=0.85"))
    keys.append(key("method=dds", "guidance=settle", "guidance.steps=16"))
    assert len(set(keys)) == len(keys)
    parts = ("guidance=settle", "finish=displacement_mask")
    assert key("method=dds_settled_masked") == key("method=dds", *parts)


def test_a_finish_belongs_to_the_method_and_not_to_the_controls(experiment: Make) -> None:
    found = experiment(QUICK, "method=dds", "finish=displacement_mask")
    assert isinstance(found.method.editor, Finished)
    assert found.method.method["finish"]["_target_"] == "ids.editing.SoftMask"
    assert "name" not in found.method.method["finish"]
    assert not any(isinstance(control.editor, Finished) for control in found.controls)
    assert isinstance(
        experiment("method=sdedit", "finish=displacement_mask").method.editor, Finished
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["method=dds_and_back", "finish=displacement_mask"], "expected none for an edit and its"),
        (["method=sdedit", "finish=gradient_mask"], "descends a gradient; got SDEdit"),
        (["finish=displacement_mask", "finish.quantile=1.5"], "finish.quantile: expected 0 to 1"),
        (["guidance=settle", "guidance.steps=200"], "fewer than method.n_steps, which is 200"),
        (["guidance=linear", "guidance.form=round"], "expected one of linear, cosine"),
        (["guidance=settle", "guidance.scales=2"], "did you mean scale"),
    ],
)
def test_wrong_values_are_one_line(experiment: Make, words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        experiment(*words)
    assert "\n" not in str(error.value)


def test_words_without_effect_are_noted() -> None:
    notes = prepare(["method=sdedit", "guidance=settle", "backbone=gaussian"]).notes
    assert any(note.startswith("guidance=settle: changes nothing") for note in notes)
    notes = prepare(["method=dds_and_back", "guidance=linear", "backbone=gaussian"]).notes
    assert notes == []
