"""Claims as files: those of the package are complete, and every mistake is one clear line."""

import shlex
from pathlib import Path

import pytest
from conftest import ROOT

from ids.config.sources import find_sources
from ids.core.errors import ConfigError
from ids.metrics.builtin import builtin_metrics
from ids.metrics.geometry import DepthChange, WarpError
from ids.results.claim import Claim, package_claims, read_claim, read_claims
from ids.results.columns import MEASUREMENTS
from ids.results.stored_verdicts import StoredVerdict, changed, read_verdicts, write_verdicts
from ids.results.verdict import Verdict

CLAIMS = read_claims([package_claims()])
PAPER = {"table1", "complexity", "lambda", "n_iters", "noise_update", "posterior_mean"}
PAPER |= {
    "convergence",
    "invertibility",
    "fpr_rules",
    "scenes",
}  # presets of its key claims

TEXT = """\
statement: IDS preserves more.
by: ids
kind: equal settings
ours: ids
theirs: [dds]
metric: psnr
direction: higher
smallest: 0.5
command: ids run experiments=demo
"""


def preset(claim: Claim) -> str:
    words = dict(word.split("=", 1) for word in shlex.split(claim.command) if "=" in word)
    return words["experiments"]


@pytest.mark.parametrize("name", CLAIMS)
def test_the_claims_of_the_package(name: str) -> None:
    claim = CLAIMS[name]
    assert (claim.by == "paper") == name.startswith("paper_") == bool(claim.paper)
    if claim.by == "paper":
        assert "second-hand" in claim.paper.lower()
    known = {*builtin_metrics(), *MEASUREMENTS, DepthChange.name, WarpError.name}
    assert claim.metric.removeprefix("views_") in known
    assert (ROOT / "claims" / f"{name}.yaml").read_text().startswith("# ")
    assert claim.command.startswith("ids run experiments=")
    presets = find_sources().options("experiments")
    assert preset(claim) in presets or preset(claim).removeprefix("paper/") in PAPER


def test_every_key_claim_of_the_paper_is_there() -> None:
    found = {preset(c).removeprefix("paper/") for c in CLAIMS.values() if c.by == "paper"}
    assert found == PAPER


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("by: ids", "by: them", "them"),
        ("metric: psnr\n", "", "missing required field `metric`"),
        ("metric: psnr", "metric: psnr\nmetrc: x", "unknown field `metrc`"),
        ("smallest: 0.5", "smallest: 0", "expected a smallest effect above 0; got 0"),
        ("smallest: 0.5", "smallest: .nan", "expected a smallest effect above 0; got nan"),
        ("smallest: 0.5", "smallest: much", "Expected `float`, got `str`"),
        ("ours: ids", "ours: ids fast", "expected a method and its conditions"),
        ("ours: ids", "ours: g=3", "expected a method and its conditions"),
        ("theirs: [dds]", "theirs: []", "`theirs` in all other kinds; got kind equal settings"),
        ("theirs: [dds]", "theirs: [dds]\nover: scale", "`over` in a trend alone"),
        ("equal settings", "matched edit strength", "expected levels `at` an axis"),
        ("equal settings", "equal cost\nat: {success: 1}", "expected levels of nfe; got success"),
        ("equal settings", "equal settings\nat: {success: 1}", "levels `at` an axis at matched"),
        (
            "equal settings",
            "matched edit strength\nat: {success: [.inf]}",
            "finite levels of success",
        ),
        ("theirs: [dds]\n", "", "`theirs` in all other kinds"),
        ("statement: IDS preserves more.", "statement: ''", "expected a statement; got none"),
        ("ours: ids", "ours: !!python/object:os.system x", "could not determine a constructor"),
        (TEXT, "[", "expected a claim"),
        (TEXT, "", "expected a claim"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT)
    assert read_claim(file).cases == 20
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(ConfigError) as raised:
        read_claim(file)
    message = str(raised.value)
    assert words in message
    assert message.startswith(str(file))
    assert len(message.splitlines()) == 1


def test_folders_without_claims_and_names_that_are_taken(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a folder of claims"):
        read_claims([tmp_path / "none"])
    (tmp_path / "mine.yaml").write_text(TEXT)
    assert list(read_claims([tmp_path])) == ["mine"]
    with pytest.raises(ConfigError, match="a second claim mine; rename"):
        read_claims([tmp_path, tmp_path])


def verdict(outcome: str, data: str = "shapes-test on shapes") -> Verdict:
    return Verdict("c", "s", "ids", outcome, "why.", 1.0, 0.5, 1.5, data=data)  # type: ignore[arg-type]


def test_stored_verdicts(tmp_path: Path) -> None:
    """A changed outcome is named; what has not run, or was not stored, has not changed."""
    file = tmp_path / "verdicts.json"
    assert read_verdicts(file) == []
    assert write_verdicts(file, [verdict("holds"), verdict("not run", "x")], []) == 1
    known = read_verdicts(file)
    assert [each.outcome for each in known] == ["holds"]
    assert changed([verdict("holds"), verdict("inconclusive", "elsewhere")], known) == []
    assert changed([verdict("not run")], known) == []
    (line,) = changed([verdict("inconclusive")], known)
    assert "expected the stored outcome 'holds'" in line
    write_verdicts(file, [verdict("inconclusive"), verdict("holds", "more")], known)
    assert [each.outcome for each in read_verdicts(file)] == ["holds", "inconclusive"]
    file.write_text('[{"claim": 3}]')
    with pytest.raises(ConfigError, match="expected stored verdicts"):
        read_verdicts(file)
    with pytest.raises(ConfigError, match="expected a writable file"):
        write_verdicts(tmp_path, [verdict("holds")], [])


def test_the_stored_verdicts_are_of_claims_that_exist() -> None:
    stored: list[StoredVerdict] = read_verdicts(package_claims() / "verdicts.json")
    assert {each.claim for each in stored} <= CLAIMS.keys()


def test_the_claim_in_the_documentation_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    lines = text.partition("    # mine/ids_on_cats.yaml")[2].partition("\n\n")[0].splitlines()[1:]
    (tmp_path / "ids_on_cats.yaml").write_text("\n".join(line[4:] for line in lines))
    claim = read_claim(tmp_path / "ids_on_cats.yaml")
    assert (claim.at, claim.cases, claim.data) == ({"clip_directional": 0.1}, 30, ["my_cats"])
