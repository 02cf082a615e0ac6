"""A row that cannot be read costs itself: it is reported as failed, and the others are edited."""

from pathlib import Path

from pie_folder import ENTRY, save_image, write_pie

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.results.catalog import read_catalog
from ids.run.outcomes import read_outcomes

WORDS = ["debug=fast", "controls=none", "method=dds", "method.n_steps=2", "~metrics.ssim"]


def test_a_malformed_entry_and_an_unreadable_image_cost_themselves(tmp_path: Path) -> None:
    small = save_image(tmp_path / "pie", "small.jpg", side=400)
    entries = {
        "good": ENTRY,
        "odd": ENTRY | {"mask": [1]},
        "small": ENTRY | {"image_path": small},
        "../up": ENTRY,
    }
    write_pie(tmp_path / "pie", entries)
    words = ["dataset=pie", f"dataset.path={tmp_path / 'pie'}", f"output_dir={tmp_path / 'out'}"]
    (setting,) = compose_all([*WORDS, *words, "limit=null"])
    experiment = build_experiment(setting)
    (outcome,) = experiment.run(tmp_path / "run")
    assert (outcome.status, outcome.job.case.id) == ("ok", "good")
    (record,) = read_outcomes(tmp_path / "run")
    failed = {line.id: line.reason for line in record.outcomes if line.status == "failed"}
    assert set(failed) == {"odd", "small", "../up"}
    assert "'odd' mask: expected a list" in failed["odd"]
    assert all("change_object" in row.tags for row in record.manifest.rows)
    (group,) = read_catalog(experiment.store).groups
    assert "3 rows cannot be edited" in group.notes()[-1]
