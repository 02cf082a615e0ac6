"""Tables: statistics, labels, order."""

import math
import random
import re
from dataclasses import replace

import pandas as pd
import pytest

from ids.core.errors import ConfigError
from ids.report.formats import json_text, markdown
from ids.report.render import text_grid
from ids.results.columns import columns_in
from ids.results.comparisons import with_tests
from ids.results.grids import Estimate, LeftOut
from ids.results.labels import baseline_of, in_order, matches
from ids.results.power import cases_needed, detectable_effect
from ids.results.statistics import Edits, mean_cells, paired, setting_edits
from ids.results.table import table
from ids.run.evaluate import metric_columns

(PSNR,) = columns_in(["psnr"])


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


def edits(data: pd.DataFrame) -> dict[str, Edits]:
    return setting_edits(data, [PSNR])


def mean(found: Edits) -> Estimate:
    return mean_cells([found], "t")[0][0]


def test_pairing_sees_what_the_spread_of_cases_hides() -> None:
    of = edits(frame())
    difference = mean(paired(of["ids"], of["dds"]))
    alone = mean(of["ids"])
    assert difference.value == pytest.approx(1, abs=0.05)
    assert difference.high - difference.value < 0.1 < alone.high - alone.value
    null = paired(of["null_edit"], of["dds"])
    assert (len(null.cases), null.n_cases) == (18, 6)


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


def test_the_number_of_columns_changes_nothing() -> None:
    data = frame()
    data["ssim"] = data["psnr"] ** 2
    both, alone = table("t", data), table("t", data.drop(columns="ssim"))
    for whole, part in zip(both.grids, alone.grids, strict=True):
        for row, same in zip(whole.select(["psnr"]).rows, part.rows, strict=True):
            assert replace(row.cells[0], test=None) == replace(same.cells[0], test=None)


def test_failed_cases_are_counted_and_never_averaged() -> None:
    data = frame()
    failed = (data.label == "ids") & (data.case == "c0")
    data.loc[failed, "status"] = "failed"
    data.loc[failed, "psnr"] = math.nan
    report = table("t", data)
    for grid, count in zip(report.grids, ("5, 1 failed", "5, 1 unpaired"), strict=True):
        line = next(line for line in text_grid(grid).lines if line[0] == "ids")
        assert count in line
        assert "nan" not in " ".join(line)


def test_what_is_left_out_is_counted_by_reason() -> None:
    data = frame()
    ids = data.label == "ids"
    data["undefined"] = ""
    data.loc[ids & (data.case == "c0"), ["psnr", "undefined"]] = [math.nan, "ssim; psnr"]
    data.loc[ids & (data.case == "c1"), "psnr"] = math.nan
    data.loc[ids & (data.case == "c2") & (data.seed == 0), "psnr"] = math.inf
    data.loc[(data.label == "dds") & (data.case == "c3"), "psnr"] = -math.inf
    report = table("t", data)
    means, differences = ({row.method: row for row in grid.rows} for grid in report.grids)
    assert means["ids"].cells[0].left_out == LeftOut(undefined=1, infinite=1, not_computed=1)
    assert means["ids"].cells[0].n == 4
    assert means["null_edit"].cells[0].left_out == LeftOut()
    assert differences["ids"].cells[0].left_out == LeftOut(1, 2, 1)
    assert differences["ids"].cells[0].n == 3
    (line,) = (line for line in text_grid(report.grids[0]).lines if line[0] == "ids")
    assert line[2].endswith("(n=4, 1 undefined, 1 inf, 1 not computed)")
    assert (
        "No finite number, of 42 edits: PSNR in 3 (undefined), PSNR in 4 (infinite), "
        "PSNR in 3 (not computed yet); left out." in report.notes
    )


def test_a_lopsided_difference_shows_both_ends() -> None:
    """Half a width around the mean would cover 0 where the interval does not."""
    gains = [0.1, 0.1, 0.2, 0.2, 0.3, 9.0]
    data = pd.DataFrame([line for line in frame().to_dict("records") if line["label"] == "dds"])
    better = data.assign(label="ids", values=[{"name": "ids"}] * len(data), key=data.key + "'")
    better["psnr"] += [gains[int(case[1:])] for case in data.case]
    both = pd.concat([data, better])
    report = table("t", both, columns=[PSNR])
    cell = report.grids[1].rows[0].cells[0]
    assert cell.low > 0 > cell.value - (cell.high - cell.low) / 2
    assert f"[+{cell.low:.2f}, +{cell.high:.2f}]" in text_grid(report.grids[1]).lines[0][-1]
    assert "±" in text_grid(table("t", both, interval="t").grids[1]).lines[0][-1]


def test_few_cases_and_columns_without_values_are_noted() -> None:
    data = frame()
    data["psnr_truth"] = math.nan
    few = table("t", data[data.case < "c4"]).all_notes()
    assert "Fewer than 5 cases or batches behind intervals of PSNR" in " ".join(few)
    enough = " ".join(table("t", data).all_notes())
    assert "Fewer" not in enough
    assert "No value in any case, not shown: PSNR true." in enough
    columns = columns_in([*data, "clip_image"])
    notes = " ".join(table("t", data.assign(clip_image=math.nan), columns=columns).notes)
    assert "CLIP img." in notes.replace("..", "")


def test_differences_are_tested_and_corrected_for_all_of_the_table() -> None:
    data = pd.concat([frame(), frame().assign(case=lambda lines: "d" + lines.case)])
    data["key"] += data["case"]
    data["ssim"] = (data["psnr"] * 1e6) % 1  # noise
    report = table("t", data)
    (ids,) = (row for row in report.grids[1].rows if row.method == "ids")
    psnr, ssim = (cell.test for cell in ids.cells)
    assert psnr is not None
    assert ssim is not None
    assert psnr.p == pytest.approx(2 / 2**12)
    assert psnr.p_corrected == pytest.approx(4 * psnr.p)  # of four differences
    assert psnr.d_z > 20
    assert ssim.p_corrected > 0.05
    texts = next(line for line in text_grid(report.grids[1], compact=True).lines if "ids" in line)
    assert [text.endswith("*") for text in texts] == [False, False, True, False]
    assert "corrected for the 4 differences of this table (Holm)" in " ".join(report.notes)


def test_tests_have_a_grid_per_column() -> None:
    report = with_tests(table("t", frame()), 0.02)
    assert [grid.title for grid in report.grids] == ["t", "paired differences, PSNR in dB"]
    (ids,) = (line for line in text_grid(report.grids[1]).lines if line[0] == "ids")
    headers = text_grid(report.grids[1]).headers
    assert headers[3:] == (
        *("difference ↑", "cases for 0.02", "d_z", "p", "p corrected", "detectable"),
    )
    assert re.fullmatch(r"\+1\.0\d \[\+\d\.\d\d, \+\d\.\d\d\]", ids[3])
    assert (ids[6], ids[7]) == ("0.0312", "0.0625")
    test = next(r for r in report.grids[1].rows if r.method == "ids").cells[0].test
    assert test is not None
    assert float(ids[4]) == cases_needed(0.02 / test.spread)
    assert test.detectable == pytest.approx(detectable_effect(6) * test.spread)


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
