"""The wheel works and can be extended outside the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT
from PIL import Image

PROGRAM = "import sys; from ids.cli import main; main(sys.argv[1:])"
RIVAL = {
    "rival/__init__.py": "",
    "rival/rules.py": "from dataclasses import dataclass\nfrom ids.methods import DDS\n"
    "@dataclass(frozen=True)\nclass Rival(DDS):\n    pass\n",
    "rival/options/method/rival.yaml": "# A rule of an installed package.\n"
    "defaults: [_distillation, _self_]\nname: rival\n"
    "distillation: {_target_: rival.rules.Rival}\n",
    "rival-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n",
    "rival-1.0.dist-info/entry_points.txt": "[ids.methods]\nrival = rival.rules\n"
    "[ids.conf]\nrival = rival.options\n",
}


@dataclass(frozen=True)
class Installed:
    """The package as a wheel installs it, and an empty folder to work in."""

    site: Path
    folder: Path

    def __call__(self, *words: str) -> str:
        """What `ids WORDS` prints; it must succeed."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.site), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def installed(site: Path, tmp_path: Path) -> Installed:
    return Installed(site, tmp_path)


def test_the_wheel_has_everything(site: Path) -> None:
    assert (site / "ids" / "conf" / "config.yaml").is_file()
    assert (site / "ids" / "experiments" / "demo.yaml").is_file()
    assert (site / "ids" / "claims" / "paper_lambda.yaml").is_file()
    assert (site / "ids" / "claims" / "verdicts.json").is_file()
    assert (site / "ids" / "config" / "templates" / "method.yaml").is_file()
    assert list(site.rglob("NOTICE"))
    assert list((site / "ids" / "shapes" / "weights" / "unet").iterdir())


def test_a_sweep_away_from_the_checkout(installed: Installed) -> None:
    assert "paired differences" in installed("run", "-m", "debug=fast", "method=dds,ids")


def test_options_from_a_folder_and_from_a_package(installed: Installed) -> None:
    """A rule, a refiner, a metric and a data set from `ids new`, and a rule of a package."""
    for name, text in RIVAL.items():
        (installed.site / name).parent.mkdir(parents=True, exist_ok=True)
        (installed.site / name).write_text(text)
    for kind in ("method", "refiner", "metric", "dataset"):
        hint = installed("new", kind, f"my_{kind}").splitlines()[-1]
        assert hint.startswith("next: ids run --config-dir . ")
    listed = installed("list", "method", "--config-dir", ".").splitlines()
    assert any(line.split()[:2] == ["my_method", "."] for line in listed)
    assert any(line.split()[:3] == ["rival", "package", "rival"] for line in listed)

    _write_list(installed.folder / "photos")
    table = installed(
        *("run", "--config-dir", ".", "debug=fast", "controls=none", "method=my_method,rival"),
        *(
            "fpr=my_refiner",
            "dataset=my_dataset",
            "dataset.path=photos/list.json",
            "+metric=my_metric",
        ),
    )
    assert "my_dataset:list.json on gaussian" in table
    assert "my_method+my_refiner" in table
    assert "rival+my_refiner" in table
    assert "changed" in table


def _write_list(folder: Path) -> None:
    """A list of one row, as the template of data sets reads it, and its image."""
    folder.mkdir()
    Image.new("RGB", (64, 64), "red").save(folder / "a.png")
    row = {"image": "a.png", "source": "a red box", "target": "a box"}
    (folder / "list.json").write_text(json.dumps([row]))
