"""The studies of the paper with size=paper, on a machine whose networks and data sets are small:
each runs and gives the numbers that its head promises. Sweeps over numbers are left out.
"""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT, ForkServer, Ids
from paper_machine import PaperMachine

from ids.config.sources import find_sources
from ids.report.summary import run_frame

pytestmark = pytest.mark.slow  # two minutes of CPU
SWEEPS = {  # over numbers of methods, of which another study has data, metrics and method
    f"paper/{name}" for name in ("frontier", "lambda", "n_iters", "polyak", "seeds")
}
STUDIES = [
    name
    for name in find_sources().options("experiments")
    if name.startswith("paper/") and name not in SWEEPS
]
SHORT = ("engine.device=cpu", "logger=none")
STEPS = ("steps.n_steps=2",)
SCENE = (
    "representation.model.resolutions=[8]",
    "representation.model.channels=2",
    "representation.model.width=8",
    "representation.model.n_samples=8",
    "representation.model.n_coarse=0",
    "representation.fit.n_steps=2",
    "representation.fit.n_rays=64",
)
MORE = {  # words that make a study short
    "paper/complexity": ("method.n_steps=4,2",),  # it sweeps over 200 and 100
    "paper/convergence": (*STEPS, "keep_every=1"),
    "paper/nerf_table": (*STEPS, *SCENE),
    "paper/prompts": (*STEPS, "controls=none"),
}
PHOTOS = {"lpips_alex", "lpips_vgg", "psnr", "ssim", "latent_distance", "seconds", "nfe"}
PHOTOS |= {"clip_score", "clip_directional", "clip_image"}
MASKED = {"iou", "psnr_background", "ssim_background"}  # where the data set has masks
PIE = {"pie_structure_distance", "pie_psnr_unedit_part", "pie_lpips_unedit_part"}
PIE |= {"pie_mse_unedit_part", "pie_ssim_unedit_part", "pie_clip_similarity_source_image"}
PIE |= {"pie_clip_similarity_target_image", "pie_clip_similarity_target_image_edit_part"}
SCENES = {"views_clip_score", "views_clip_directional", "views_psnr", "views_lpips_alex"}
SCENES |= {"fit_psnr", "depth_change", "warp_error", "seconds", "peak_mb"}
PROMISED = {"paper/pie": PIE, "paper/edit_size": PIE, "paper/nerf_table": SCENES}
SETS = {  # of the studies on others than IP2P-200
    "paper/table1": {"cats cat to pig", "cats cat to squirrel", "FelixdoingAI/IP2P-200/train"},
    "paper/prompts": {f"cats {word} to pig" for word in ("cat", "kitten", "animal", "dog")},
    "paper/pie": {"pie_bench"},
    "paper/edit_size": {"pie_bench"},
    "paper/nerf_table": {"leaves"},
}


@pytest.fixture(scope="module")
def studio(paper_machine: PaperMachine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ids]:
    """The command on that machine. Studies share a store, and so their edits."""
    server = ForkServer(environment=paper_machine.environment)
    yield Ids(tmp_path_factory.mktemp("studies"), server)
    server.stop()


def command(machine: PaperMachine, name: str, limit: int = 1) -> tuple[str, ...]:
    """The words of a study, made short."""
    words = (f"experiments={name}", f"limit={limit}", *SHORT, *MORE.get(name, STEPS))
    return (*words, *machine.words(name))


def results(folder: Path) -> pd.DataFrame:
    """A line per edit of the newest run; columns of metrics by their names alone."""
    (run,) = sorted((folder / "outputs" / "runs").iterdir())[-1:]
    lines = run_frame(run, folder / "outputs")
    return lines.rename(columns=lambda name: re.split("[@:]", name)[0])


@pytest.fixture(scope="module")
def table1(
    studio: Ids, paper_machine: PaperMachine, tmp_path_factory: pytest.TempPathFactory
) -> Ids:
    """A store of its optimizing methods alone, on two cases of each data set."""
    alone = Ids(tmp_path_factory.mktemp("table1"), studio.server)
    words = (*command(paper_machine, "paper/table1", limit=2), "method=dds,cds,ids")
    done = alone("run", *words, timeout=900)
    assert done.returncode == 0, done.stderr
    return alone


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_gives_the_numbers_of_its_head(
    studio: Ids, paper_machine: PaperMachine, name: str
) -> None:
    done = studio("run", *command(paper_machine, name), timeout=900)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    lines = results(studio.folder)
    assert set(lines["status"]) == {"ok"}
    assert {title.partition(":")[2] or title for title in lines["dataset"]} == SETS.get(
        name, {"FelixdoingAI/IP2P-200/train"}
    )
    for column in PROMISED.get(name, PHOTOS):
        changed = lines[lines["label"] != "null_edit"] if "directional" in column else lines
        assert changed[column].notna().all(), column
    for column in MASKED & set(lines):
        assert (lines[column].notna() == lines["dataset"].str.contains("cats")).all(), column


def test_the_papers_numbers_stand_beside_ours(table1: Ids) -> None:
    done = table1("table", "--paper", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert "Second-hand" in done.stderr
    lines = pd.read_csv(io.StringIO(done.stdout))
    ids = lines[(lines["method"] == "IDS") & (lines["table"] == "Structure preservation")]
    theirs = ids[ids["source"] == "paper, second-hand"].drop_duplicates("column")
    assert list(theirs["value"]) == [0.22, 0.24, 0.19, 29.25]
    ours = ids[ids["column"].str.startswith("lpips_alex")]
    edits = results(table1.folder)
    found = edits[edits["label"] == "ids"].groupby("dataset")["lpips_alex"].mean()
    assert len(ours) == len(found) == 3
    for title, value in zip(ours["source"], ours["value"], strict=True):
        assert value == pytest.approx(found[title.partition(" on sd14")[0]])


def test_the_page_has_them_for_every_data_set(table1: Ids) -> None:
    done = table1("report")
    assert done.returncode == 0, done.stderr
    page = (table1.folder / "outputs" / "report" / "index.html").read_text(encoding="utf-8")
    heads = re.findall(r"the paper, second-hand</th>.*?here, on (.*?)</th>", page, re.DOTALL)
    assert {title.partition(":")[2] for title in heads} == SETS["paper/table1"]
    row = r'data-sort="IDS">IDS</th>.*?second" data-sort="0.22">0.22</td>.*?split">ids</td>'
    assert len(re.findall(row, page, re.DOTALL)) == 3


def test_a_claim_has_a_verdict_that_is_not_of_shapes(table1: Ids) -> None:
    """The package's needs 30 cases; here two are enough."""
    whole = (ROOT / "claims" / "paper_structure_lpips.yaml").read_text(encoding="utf-8")
    mine = table1.folder / "mine"
    mine.mkdir()
    (mine / "few.yaml").write_text(whole.replace("cases: 30", "cases: 2"), encoding="utf-8")
    done = table1("claims", "--claims", "mine", "--format", "json")
    assert done.returncode == 0, done.stderr
    verdicts = [each["outcome"] for each in json.loads(done.stdout)]
    assert len(verdicts) == 3
    assert set(verdicts) <= {"holds", "does not hold", "inconclusive"}
    done = table1("claims", "paper_structure_lpips")
    assert "not run" in done.stdout
    assert "2 of at least 30 cases" in done.stdout
    assert "second-hand" in done.stdout.lower()
    assert "shapes" not in done.stdout
