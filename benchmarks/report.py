"""Cost of the HTML report: time of claims and page, its size, and time of a rebuild.

    python benchmarks/report.py                  10,000 results with images of 64 pixels
    python benchmarks/report.py --results 1000

States of 12 cases are drawn from gray images: decoding by a backbone is not part of it.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from store import fill

from ids.core.records import EditCase
from ids.core.tensors import Images, Latent
from ids.report.pages.inputs import PageInputs
from ids.report.pages.page import write_page
from ids.results.catalog import read_catalog
from ids.results.claim import package_claims, read_claims
from ids.results.selection import Selection
from ids.results.verdicts import verdicts
from ids.run.records import EditRecord
from ids.run.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=64, help="pixels of the images")
    parser.add_argument("--out", type=Path, help="keep the store and the page in this folder")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = args.out or Path(folder)
        cases = fill(Store(root / "store"), args.results, args.side)
        for name in ("first", "rebuild"):
            wall, cpu = time.perf_counter(), time.process_time()
            path = build(root, {case.digest: case for case in cases})
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            size = path.stat().st_size / 2**20
            print(f"{name}: {wall:.1f} s ({cpu:.1f} s CPU), index.html {size:.1f} MB", end=", ")
            print(f"{sum(1 for _ in (root / 'page' / 'images').iterdir())} images")


def build(root: Path, cases: Mapping[str, EditCase]) -> Path:
    """As `ids report` does: the catalog once, the claims, the page."""
    selection, store = Selection(root / "store"), Store(root / "store")
    catalog = read_catalog(store)
    found = verdicts(read_claims([package_claims()]), selection.groups(catalog), store)
    inputs = PageInputs(cases, verdicts=found, decode=gray, decoded=12)
    return write_page(selection, root / "page", inputs, catalog=catalog)[0]


def gray(record: EditRecord, z: Latent) -> Images:
    """An image per state."""
    return torch.full((len(z), 3, 64, 64), 0.5)


if __name__ == "__main__":
    main()
