"""The wheel carries configurations, experiments and weights, and works outside the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from conftest import ROOT


def test_the_wheel_works_away_from_home(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        names = archive.namelist()
    assert "ids/conf/config.yaml" in names
    assert "ids/experiments/demo.yaml" in names
    assert any(name.endswith("NOTICE") for name in names)
    assert any(name.startswith("ids/shapes/weights/unet/") for name in names)
    away = tmp_path / "away"
    away.mkdir()
    program = (
        "import ids, sys\n"
        "from ids.cli import main\n"
        "print(ids.__file__, flush=True)\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "-m", "debug=fast", "method=dds,ids"],
        cwd=away,
        env=os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(site) in done.stdout
    assert "paired differences" in done.stdout
