"""`ids claims`, `compare`, `worst`, `show` and the formats of `ids table`, on one small store."""

import csv
import io
import json
from pathlib import Path

import pytest
from conftest import InProcess

from ids.results.stored_verdicts import read_verdicts

RUN = ("run", "-m", "debug=fast", "method=sds,dds", "method.n_steps=2", "limit=2")


CLAIM = """\
statement: SDS preserves more.
by: ids
kind: equal settings
ours: sds
theirs: [dds]
metric: psnr
direction: higher
smallest: 0.5
cases: 2
command: ids run experiments=demo
"""


def test_commands_on_a_small_store(in_process: InProcess) -> None:
    status, _, err = in_process(*RUN)
    assert status == 0, err
    check_formats(in_process)
    check_claims(in_process)
    check_side_by_side(in_process)
    check_single_results(in_process)
    check_links(in_process)
    check_mistakes(in_process)


def check_side_by_side(store: InProcess) -> None:
    status, out, err = store("compare", "sds", "dds", "-n", "1")
    assert status == 0, err
    assert "sds (ours) - dds (theirs)" in out
    assert "cases that differ most" in out


def check_single_results(store: InProcess) -> None:
    """The command of a result makes it again."""
    status, out, err = store("worst", "psnr", "--method", "sds", "-n", "1", "--format", "json")
    assert status == 0, err
    (edit,) = json.loads(out)
    assert edit["label"] == "sds"
    status, out, err = store("show", edit["key"][:10])
    assert status == 0, err
    facts = {line.split()[0]: line.split()[1] for line in out.splitlines() if line[0] != " "}
    assert Path(facts["image"]).is_file()
    (command,) = (line for line in out.splitlines() if line.startswith("command"))
    assert command.split()[1:3] == ["ids", "run"]
    assert set(command.split()[3:]) == {"method=sds", RUN[2], *RUN[4:]}
    assert f"prompts   {edit['source_prompt']!r} -> {edit['target_prompt']!r}" in out
    assert "psnr@" in out
    known = set(Path("outputs/results").glob("*/*"))
    assert store(*command.split()[2:])[0] == 0
    assert set(Path("outputs/results").glob("*/*")) == known  # it made this edit: nothing is new


def check_links(store: InProcess) -> None:
    """To the cases in the store's page, where it has one; never in a document."""
    words = ("worst", "psnr", "--method", "sds", "-n", "1")
    (edit,) = json.loads(store(*words, "--format", "json")[1])
    assert "index.html#" not in store(*words)[1]
    page = Path("outputs/report/index.html")
    page.parent.mkdir()
    page.touch()
    link = f"{page}#case={edit['case'][:12]}&set="
    assert f"images: {link}" in store(*words)[1]
    assert f"images: {page}#case=" in store("compare", "sds", "dds", "-n", "1")[1]
    assert f"page      {link}" in store("show", edit["key"])[1]
    assert "index.html" not in store(*words, "--format", "csv")[1]


def check_mistakes(store: InProcess) -> None:
    for words in (
        ("show", "nonsense"),
        ("show", ""),
        ("compare", "sds", "cds"),
        ("worst", "nonsense"),
        ("compare", "sds", "dds", "--by", "nonsense"),
        ("compare", "sds g", "dds"),
        ("compare", "outputs", "other/outputs"),
        ("compare", "outputs", "other", "--output-dir", "nowhere"),
        ("worst", "psnr", "--output-dir", "empty"),
    ):
        Path("empty").mkdir(exist_ok=True)
        status, out, err = store(*words)
        assert (status, out) == (2, ""), words
        assert len(err.splitlines()) == 1
        remedy = {"outputs": "expected a folder of results, as outputs", "psnr": "expected results"}
        assert remedy.get(words[1], "") in err


def check_formats(store: InProcess) -> None:
    """What is printed is the document alone; notes go to stderr."""
    markdown = store("table", "--format", "markdown")[1]
    assert markdown.startswith("# ")
    assert "| sds |" in markdown
    latex = store("table", "--format", "latex")[1]
    assert latex.startswith("%")
    assert r"null\_edit &" in latex
    assert latex.count(r"\toprule") == latex.count(r"\end{tabular}") == 2
    (report,) = json.loads(store("table", "--format", "json")[1])
    assert report["grids"][0]["rows"][0]["method"] == "null_edit"
    lines = list(csv.DictReader(io.StringIO(store("table", "--format", "csv")[1])))
    assert {line["against"] for line in lines} == {"", "dds"}
    psnr = [line for line in lines if line["column"] == "psnr" and line["method"] == "sds"]
    cells = [row["cells"]["psnr"] for row in report["grids"][0]["rows"] if row["method"] == "sds"]
    assert float(psnr[0]["value"]) == pytest.approx(cells[0]["value"])
    status, _, err = store("table", "--write", "--figures", "gif")
    assert (status, "expected some of png, svg, pdf; got 'gif'" in err) == (2, True)


def check_claims(store: InProcess) -> None:
    """Claims of a folder, in every format; --strict exits 1 where an outcome changed."""
    Path("mine").mkdir()
    Path("mine/sds_first.yaml").write_text(CLAIM)
    Path("mine/unknown.yaml").write_text(CLAIM.replace("psnr", "nonsense"))
    claims = ("claims", "--claims", "mine")
    status, out, err = store(*claims)
    assert status == 0, err
    assert "sds_first: SDS" in out  # the statement is wrapped
    assert "1 not run; `ids claims NAME` explains one" in out
    assert "not run: the command of each of ids is in `ids claims NAME`" in out
    assert "No values of nonsense." in store(*claims, "unknown")[1]
    assert store(*claims, "--format", "json")[1].count('"claim"') == 2
    assert store(*claims, "--format", "csv", "--by", "ids")[1].count("\n") == 3
    assert "| sds_first |" in store(*claims, "--format", "markdown")[1]
    assert r"sds\_first &" in store(*claims, "--format", "latex")[1]
    assert "1 verdict written" in store(*claims, "--write")[2]
    assert store(*claims, "--strict")[0] == 0
    file = Path("mine/verdicts.json")
    (known,) = read_verdicts(file)
    other = "holds" if known.outcome != "holds" else "inconclusive"
    file.write_text(file.read_text().replace(f'"{known.outcome}"', f'"{other}"'))
    status, _, err = store(*claims, "--strict")
    assert (status, "sds_first: expected the stored outcome" in err) == (1, True)
    status, _, err = store(*claims, "nonsense")
    assert (status, "expected a claim (sds_first, unknown)" in err) == (2, True)
