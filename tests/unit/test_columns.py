"""Columns: titles and digits by the stored values, order by importance."""

import pytest

from ids.core.errors import ConfigError
from ids.metrics.builtin import builtin_metrics
from ids.results.columns import ORDER, columns_in, legend, select_columns
from ids.run.records import MetricValue


def titles(wanted: list[str], keep: str = "") -> list[str]:
    columns = columns_in(["label", "clip_score | a", "clip_score | b", "beauty", "ssim"])
    return [column.title for column in select_columns(columns, wanted, keep)]


def test_columns_are_selected_by_name_and_new_metrics_come_first() -> None:
    assert titles([]) == ["beauty", "CLIP a", "CLIP b", "SSIM"]
    assert titles(["clip_score"]) == ["CLIP a", "CLIP b"]
    assert titles(["ssim"], keep="beauty") == ["beauty", "SSIM"]
    with pytest.raises(ConfigError, match="expected one of beauty, clip_score, ssim; got 'psnr'"):
        titles(["psnr"])


def test_a_stored_title_decides() -> None:
    stored = {
        "beauty": MetricValue(1.0, "K", False, "Beauty", 1),
        "old": MetricValue(1.0, "m", True),
    }
    beauty, old, psnr = columns_in(
        ["beauty", "old_one", "psnr"], stored | {"old_one": stored["old"]}
    )
    assert (beauty.header, beauty.digits, beauty.unit) == ("Beauty ↓", 1, "K")
    assert (old.header, old.digits, old.unit) == ("old one ↑", 3, "m")
    assert (psnr.header, psnr.digits, psnr.unit) == ("PSNR ↑", 2, "dB")
    renamed = {"psnr": MetricValue(1.0, "dB", True, "peak ratio", 4)}
    assert columns_in(["psnr"], renamed)[0].title == "peak ratio"
    assert legend([beauty, old]) == "Beauty in K; old one in m."


def test_every_metric_of_the_package_has_a_place_in_the_order() -> None:
    beside_truth = {name for name in builtin_metrics() if name.endswith("_truth")}
    assert set(builtin_metrics()) - beside_truth <= set(ORDER)
