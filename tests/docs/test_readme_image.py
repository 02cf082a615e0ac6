"""The cases of the README's image are chosen independently of the edits."""

import pandas as pd
from readme_image import MIN_PSNR, N_CASES, chosen


def frame(edit_psnr: float) -> pd.DataFrame:
    """Twelve cases, half of which survive the autoencoder round trip."""
    cases = [f"test-{index:04}-colour" for index in range(12)]
    kept = [MIN_PSNR + (1 if index % 2 else -1) for index in range(12)]
    null = pd.DataFrame({"id": cases, "label": "null_edit", "psnr_background": kept})
    edits = pd.DataFrame({"id": cases, "label": "ids", "psnr_background": edit_psnr})
    return pd.concat([edits, null[::-1]], ignore_index=True)


def test_the_first_cases_that_the_autoencoder_keeps() -> None:
    wanted = [f"test-{index:04}-colour" for index in (1, 3, 5, 7)]
    assert len(wanted) == N_CASES
    assert chosen(frame(edit_psnr=50.0)) == wanted == chosen(frame(edit_psnr=1.0))
