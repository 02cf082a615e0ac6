"""Tables: statistics, labels, order."""

import math
import random

import pandas as pd
import pytest
from scipy import stats

from ids.core.errors import ConfigError
from ids.report.formats import json_text, markdown
from ids.report.render import text_grid
from ids.results.grids import MISSING
from ids.results.labels import baseline_of, in_order, matches
from ids.results.statistics import estimate, paired_differences
from ids.results.table import table
from ids.run.evaluate import metric_columns


def frame() -> pd.DataFrame:
    rng = random.Random(0)
    lines = []
    for case in range(6):
        level = rng.gauss(20, 5)  # cases differ far more than methods
        for label, gain in (("dds", 0.0), ("ids", 1.0), ("null_edit", 9.0)):
            for seed in [-1] if label == "null_edit" else [0, 1, 2]:
                lines.append(
                    {
                        "key": f"{case}{label}{seed}",
                        "label": label,
                        "values": {"name": label},
                        "status": "ok",
                        "case": f"c{case}",
                        "seed": seed,
                        "reason": "",
                        "psnr": level + gain + rng.gauss(0, 0.01),
                        "seconds": 1.0,
                        "nfe": 4.0,
                        "peak_mb": 100.0,
                        "engine": "cpu, batch 1",
                        "batch": f"{case}{label}{seed}",
                    }
                )
    return pd.DataFrame(lines)


def test_an_estimate_is_student_t() -> None:
    values = pd.Series([1.0, 2.0, 4.0])
    low, high = stats.t.interval(0.95, 2, loc=values.mean(), scale=stats.sem(values))
    found = estimate(values)
    assert (found.value, found.n) == (pytest.approx(values.mean()), 3)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert estimate(pd.Series([1.0, math.nan])).n == 1
    assert math.isnan(estimate(pd.Series([1.0])).low)
    assert estimate(pd.Series([math.nan])) == MISSING


def test_pairing_sees_what_the_spread_of_cases_hides() -> None:
    data = frame()
    ids, dds = data[data.label == "ids"], data[data.label == "dds"]
    difference = estimate(paired_differences(ids, dds, ["psnr"])["psnr"])
    alone = estimate(ids.groupby("case").psnr.mean())
    assert difference.value == pytest.approx(1, abs=0.05)
    assert difference.high - difference.value < 0.1 < alone.high - alone.value
    null = paired_differences(data[data.label == "null_edit"], dds, ["psnr"])
    assert len(null) == 6


def test_a_difference_is_of_the_seeds_that_both_have() -> None:
    data = frame()
    data.loc[(data.label == "ids") & (data.seed == 2), "psnr"] += 100
    fewer = data[~((data.label == "dds") & (data.seed == 2))]
    ids = next(row for row in table("t", fewer).grids[1].rows if row.method == "ids")
    assert ids.cells[0].value == pytest.approx(1, abs=0.05)


def test_measurements_are_over_batches_and_show_no_n() -> None:
    data = frame()
    data["batch"] = data["case"].where(data["case"] != "c0", "c1")  # five batches of six cases
    (row, *_) = (row for row in table("t", data).grids[0].rows if row.method == "ids")
    assert (row.cases, [cell.n for cell in row.cells]) == (6, [6, 5, 5, 5])
    assert "(n=" not in markdown(table("t", data))


def test_the_order_of_records_changes_nothing() -> None:
    data = frame()
    report = table("t", data)
    assert json_text(report) == json_text(table("t", data.sample(frac=1, random_state=1)))
    assert [row.method for row in report.grids[0].rows] == ["null_edit", "dds", "ids"]


def test_failed_cases_are_counted_and_never_averaged() -> None:
    data = frame()
    data.loc[(data.label == "ids") & (data.case == "c0"), "status"] = "failed"
    data.loc[(data.label == "ids") & (data.case == "c0"), "psnr"] = math.nan
    report = table("t", data)
    line = next(line for line in text_grid(report.grids[0]).lines if line[0] == "ids")
    assert line[1] == "5, 1 failed"
    assert "nan" not in " ".join(line)


def test_order_of_methods() -> None:
    labels = ["true_edit", "new", "ids (a=1)", "null_edit", "dds+polyak", "ids_cut", "cds", "dds"]
    assert in_order(labels) == [
        "null_edit",
        "dds",
        "dds+polyak",
        "cds",
        "ids (a=1)",
        "ids_cut",
        "new",
        "true_edit",
    ]


def test_markdown_is_a_table() -> None:
    lines = markdown(table("t", frame())).splitlines()
    assert lines[4].startswith("| method |")
    assert len({line.count("|") for line in lines[4:9]}) == 1


def test_a_difference_is_to_the_setting_of_the_baseline_that_is_most_alike() -> None:
    settings = {
        "ids (g=3)": {"rule": "ids", "g": "3", "lr": "1"},
        "dds (g=3)": {"rule": "dds", "g": "3", "lr": "1"},
        "dds (g=7)": {"rule": "dds", "g": "7", "lr": "1"},
    }
    data = pd.DataFrame({"label": list(settings), "values": list(settings.values())})
    assert baseline_of("ids (g=3)", data, "dds") == "dds (g=3)"
    assert baseline_of("dds (g=7)", data, "dds") == "dds (g=7)"
    assert baseline_of("ids (g=3)", data, "sds") is None
    assert baseline_of("ids (g=3)", data, "dds g=7.0 lr=1") == "dds (g=7)"
    assert baseline_of("ids (g=3)", data, "dds g=5") is None


def test_conditions_are_matched_by_the_end_of_a_key() -> None:
    values = {"fpr.scale": "0.2165", "guidance_scale": "3"}
    assert matches(values, "fpr.scale=0.2165")
    assert matches(values, "guidance_scale=3.0")
    assert not matches(values, "guidance_scale=7.5")
    assert not matches(values, "scale=3")
    with pytest.raises(ConfigError, match="expected key=value"):
        matches(values, "guidance_scale")


def test_numbers_of_two_networks_have_two_columns_and_old_revisions_none() -> None:
    found = [{"psnr@1": 1.0, "psnr@2": 2.0, "clip@1:a": 0.1}, {"clip@1:b": 0.2}]
    assert metric_columns(found) == {
        "psnr@2": "psnr",
        "clip@1:a": "clip | a",
        "clip@1:b": "clip | b",
    }
    assert metric_columns([{"clip@1:a": 0.1}]) == {"clip@1:a": "clip"}
