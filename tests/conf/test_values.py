"""Values given in Python reach the configuration as they are."""

import pytest
from conftest import Compose
from hypothesis import given, settings
from hypothesis import strategies as st

from ids.config.values import literal, words_of
from ids.core.errors import ConfigError

TEXT = st.text(st.sampled_from("a '\"\\${}[](),:=?#~é\n"), max_size=12)


@settings(max_examples=15, deadline=None)
@given(TEXT)
def test_any_text_arrives_unchanged(compose: Compose, text: str) -> None:
    (setting,) = compose(words_of({"negative_prompt": text}))
    assert setting.values["method"]["negative_prompt"] == text


def test_where_a_value_belongs() -> None:
    values = {
        "n_steps": 3,
        "fpr": {"scale": 0.2},
        "optimizer__lr": 0.3,
        "seeds": [1],
        "limit": None,
    }
    assert words_of(values) == [
        "method.n_steps=3",
        "fpr.scale=0.2",
        "method.optimizer.lr=0.3",
        "seeds=[1]",
        "limit=null",
    ]
    assert words_of({"fpr": "polyak", "backbone__precision": "fp16"}) == [
        "fpr=polyak",
        "backbone.precision='fp16'",
    ]
    assert literal({"default": 0.8, "chair": [0.1, True]}) == "{default: 0.8, chair: [0.1, true]}"


def test_a_value_without_a_spelling_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"method\.n_steps: expected a number.*; got object"):
        words_of({"n_steps": object()})
