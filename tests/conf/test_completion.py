"""Tab completion, as a shell requests it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ids.cli import completion
from ids.cli.parser import parser

HEAVY = """
import sys
from ids.cli import completion
from ids.cli.parser import parser
args = parser().parse_args(["run", "method=cds"])
keys = completion.complete_words("method.dist", args)
assert "method.distillation.weights.cut=" in keys, keys
print([m for m in ("torch", "diffusers", "transformers", "wandb", "pandas") if m in sys.modules])
"""


def completed(line: str, folder: Path) -> list[str]:
    """What a shell offers at the end of this line."""
    answer = folder / "answer"
    environment = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_SHELL": "fish",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    command = [sys.executable, "-m", "ids"]
    subprocess.run(command, env=os.environ | environment, check=True, timeout=60)
    return [word.partition("\t")[0] for word in answer.read_text().splitlines()]


def test_a_shell_is_answered(tmp_path: Path) -> None:
    assert {"run", "edit", "table", "results", "doctor"} <= set(completed("ids ", tmp_path))
    assert completed("ids run --conf", tmp_path) == ["--config-dir"]
    assert completed("ids data check pie_", tmp_path) == ["pie_plus"]
    assert completed("ids data check pie dataset.im", tmp_path) == ["dataset.images="]
    assert completed("ids run method=sde", tmp_path) == ["method=sdedit"]


@pytest.mark.parametrize(
    ("words", "prefix", "expected"),
    [
        (["run"], "", "method="),
        (["run"], "", "seeds="),
        (["run"], "fpr=", "fpr=polyak"),
        (["run"], "method=ids,", "method=ids,dds"),
        (["run"], "+metric=l", "+metric=lpips"),
        (["run"], "method.n", "method.n_steps="),
        (["run", "method=p2p"], "method.blend.", "method.blend.threshold="),
        (["edit", "x.png", "--source", "a", "--target", "b"], "backbone=", "backbone=sd15"),
        (["run", "--config-dir", "{folder}"], "method=", "method=mine"),
    ],
)
def test_overrides(tmp_path: Path, words: list[str], prefix: str, expected: str) -> None:
    (tmp_path / "method").mkdir()
    (tmp_path / "method" / "mine.yaml").write_text("name: mine\n")
    args = parser().parse_args([word.format(folder=tmp_path) for word in words])
    assert expected in completion.complete_words(prefix, args)


@pytest.mark.parametrize("words", [["--config-dir", "nowhere"], ["method=nothing"]])
def test_wrong_words_offer_nothing(words: list[str]) -> None:
    assert completion.complete_words("method.n", parser().parse_args(["run", *words])) == []


def test_nothing_heavy_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    args = parser().parse_args(["completion", shell])
    assert args.act(args, []) == 0
    assert "_ARGCOMPLETE" in capsys.readouterr().out
