"""Words of earlier versions are understood on the command line, and named everywhere else."""

from pathlib import Path

import pytest

from ids.config.compose import compose_all
from ids.config.entry import prepare
from ids.config.former_words import todays_columns, todays_words
from ids.config.sources import find_sources
from ids.core.errors import ConfigError


@pytest.mark.parametrize(
    ("former", "today", "note"),
    [
        ("references=none", "controls=none", "references: now controls; taken as that"),
        ("backbone.picture_size=64", "backbone.image_size=64", "backbone.picture_size: now"),
        ("method.refine.n_iters=1,3", "fpr.n_iters=1,3", "method.refine.n_iters: now fpr.n_iters"),
        ("method.via=picture", "method.via=image", "method.via=picture: now method.via=image"),
        ("method.via=latent,picture", "method.via=latent,image", "method.via=picture: now"),
        (
            "+metric@metrics.strength=strength",
            "+metric@metrics.latent_distance=latent_distance",
            "metric@metrics.strength: now",
        ),
        ("~metrics.strength", "~metrics.latent_distance", "metrics.strength: now"),
        ("++references=none", "++controls=none", "references: now controls"),
    ],
)
def test_overrides(former: str, today: str, note: str) -> None:
    words, notes = todays_words([former, "limit=1"])
    assert words == [today, "limit=1"]
    assert notes[0].startswith(note)
    assert notes[0].endswith("; taken as that")


@pytest.mark.parametrize(
    "word", ["method.strength=0.5", "method.negative_prompt=picture", "method=ids", "preferences=1"]
)
def test_other_words_are_left_alone(word: str) -> None:
    assert todays_words([word]) == ([word], [])


def test_they_are_warned_about_once_and_change_nothing_else() -> None:
    former = prepare(["references=none", "method=dds"])
    today = prepare(["controls=none", "method=dds"])
    assert former.notes == ["references: now controls; taken as that"]
    assert today.notes == []
    assert former.ready[0][0].values == today.ready[0][0].values


def test_columns_and_axes() -> None:
    columns, notes = todays_columns(["passes", "psnr", "strength"])
    assert columns == ["nfe", "psnr", "latent_distance"]
    assert notes == [
        "passes: now nfe; taken as that",
        "strength: now latent_distance; taken as that",
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("references: {}", "references: no such option; it is controls now"),
        (
            "backbone: {picture_size: 64}",
            "backbone.picture_size: no such option; it is backbone.im",
        ),
        ("method: {refine: {n_iters: 1}}", "method.refine: no such option; it is fpr now"),
        ("fpr: {_target_: ids.methods.AsDrawn}", "it is ids.methods.NoRefinement now"),
        ("dataset: {size: '${backbone.picture_size}'}", "it is backbone.image_size now"),
        ("defaults: [override /references: none]", "references: no such option; it is controls"),
    ],
)
def test_yamls_of_the_user_are_answered_with_todays_word(
    tmp_path: Path, text: str, answer: str
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "old.yaml").write_text(f"# @package _global_\n{text}\n")
    with pytest.raises(ConfigError) as raised:
        compose_all(["experiments=old"], find_sources([str(tmp_path)]))
    assert answer in str(raised.value)
