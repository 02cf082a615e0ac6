"""A folder of photos with a table of prompts, its edits, and the results by data set."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from PIL import Image

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.results.catalog import ResultGroup, read_catalog
from ids.results.frames import frame
from ids.run import Outcome, Store

WORDS = ["debug=fast", "controls=none", "method=dds", "method.n_steps=3"]
WORDS += ["~metrics.ssim", "~metrics.ssim_background"]
Edit = Callable[..., list[Outcome]]


def write_photos(folder: Path) -> Path:
    """Three images with prompts; the first has a mask."""
    folder.mkdir(parents=True)
    for name, colour in (("cat", "red"), ("bike", "blue"), ("hat", "green")):
        image = Image.new("RGB", (40, 40), colour)
        image.paste("white", (5, 5, 20, 20))
        image.save(folder / f"{name}.png")
    mask = Image.new("L", (40, 40), 0)
    mask.paste(255, (0, 0, 20, 40))
    mask.save(folder / "mask.png")
    write(folder, "cat.png,a cat,a dog,mask.png,pet", "bike.png,a bike,a car,,", "hat.png,a,b,,")
    return folder


def write(folder: Path, *rows: str) -> None:
    (folder / "edits.csv").write_text("image,source,target,mask,tags\n" + "\n".join(rows) + "\n")


def edit_folder(folder: Path, *words: str) -> list[Outcome]:
    """Run a folder's data set in the working directory; the outcomes of new results."""
    before = set(Store(Path("outputs")).all_keys())
    limit = [] if any(word.startswith("limit") for word in words) else ["limit=null"]
    overrides = [*WORDS, "dataset=folder", f"dataset.path={folder}", *limit, *words]
    (setting,) = compose_all(overrides)
    outcomes = build_experiment(setting).run(Path("run").absolute())
    return [outcome for outcome in outcomes if outcome.job.key not in before]


def groups(tmp_path: Path) -> list[ResultGroup]:
    return list(read_catalog(Store(tmp_path / "outputs")).groups)


def table(tmp_path: Path) -> pd.DataFrame:
    """The results of the only data set, by the name of the image."""
    (group,) = groups(tmp_path)
    found = frame(group.entries, Store(tmp_path / "outputs"))
    return found.set_index(found["id"].str.split("-").str[0])


def orphans(tmp_path: Path) -> int:
    return len(read_catalog(Store(tmp_path / "outputs")).orphans)
