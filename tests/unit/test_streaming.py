"""A data set larger than memory: what is read, and how much of it stays in memory."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from parquet_fixtures import cell, encoded, write_parquet
from pix2pix_fixtures import columns

from ids.data import InstructPix2Pix
from ids.data.parquet import ParquetShard

N_ROWS = 300_000
MAX_GROWTH = 200  # MiB
READ = """
import sys
from pathlib import Path
from ids.data import InstructPix2Pix

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024

dataset = InstructPix2Pix(sys.argv[1], 16, truth=True)
dataset[0].source.load()
before, most, n_rows = resident(), 0, 0
for row in range(len(dataset)):
    case = dataset[row]
    n_rows += case.prompt_src == f"original_prompt {row % 100_000}"
    if row % 100 == 0:
        assert case.source.load().shape == (3, 16, 16) == case.truth.load().shape
        most = max(most, resident())
print(n_rows, most - before)
"""


def test_a_limit_reads_the_first_row_groups_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write_parquet(tmp_path / f"train-0000{number}-of-00003.parquet", columns(6))
    read: list[tuple[str, int, str]] = []
    original = ParquetShard.read

    def recorded(self: ParquetShard, group: int, column: str) -> Any:
        read.append((self.file.name[:11], group, column))
        return original(self, group, column)

    monkeypatch.setattr(ParquetShard, "read", recorded)
    dataset = InstructPix2Pix(str(tmp_path), 8)
    cases = [dataset[row] for row in range(3)]
    texts = ("original_prompt", "edit_prompt", "edited_prompt")
    assert read == [("train-00000", group, column) for group in (0, 1) for column in texts]
    read.clear()
    cases[2].source.load()
    assert read == [("train-00000", 1, "original_image")]


@pytest.mark.slow
def test_iterating_300_000_rows_keeps_memory(tmp_path: Path) -> None:
    per_file = N_ROWS // 3
    image = cell(encoded(size=16, kind="JPEG"))
    for number in range(3):
        texts = {name: [f"{name} {row}" for row in range(per_file)] for name in columns(0)}
        images = dict.fromkeys(("original_image", "edited_image"), [image] * per_file)
        name = f"train-0000{number}-of-00003.parquet"
        write_parquet(tmp_path / name, texts | images, row_group_size=1000)
    command = [sys.executable, "-c", READ, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=200)
    n_rows, growth = done.stdout.split()
    assert int(n_rows) == N_ROWS
    assert float(growth) < MAX_GROWTH
