"""`ids.judge`."""

from pathlib import Path
from typing import TYPE_CHECKING

from ids.api.setting import Folders, Words, each
from ids.config.judging import judge_words

if TYPE_CHECKING:
    import pandas as pd


def judge(folders: Folders, overrides: Words, *, config_dirs: Folders = ()) -> "pd.DataFrame":
    """`ids judge`: numbers for images that other code made, one line per folder and case, with the
    columns of `ids.results`, so that `ids.compare(frame, baseline=FOLDER_NAME)` compares folders.
    `overrides` are words of the command line (`dataset=pie`, `dataset.path=...`, `metrics=pie`).
    A missing or unusable image has its status and reason, and no numbers. `IdsError` where nothing
    can be judged.
    """
    from ids.report.judged import judged_frame

    found = judge_words(
        [Path(folder) for folder in each(folders)], each(overrides), each(config_dirs)
    )
    return judged_frame(found.group)
