"""Words of the command line: the keys that they set, and the size of images where they leave it
open.
"""

from collections.abc import Sequence

SIDE = 512  # pixels: of photos, as Stable Diffusion 1 reads them


def key_of(word: str) -> str:
    """`dataset.size` of `dataset.size=64`, `metric` of `+metric@metrics.x=lpips`."""
    return word.partition("=")[0].lstrip("+~").partition("@")[0]


def photo_size(words: Sequence[str]) -> list[str]:
    """The word for photos of 512 pixels where the words name neither a size nor a backbone: the
    default backbone is for its own scenes, `dataset=shapes`.
    """
    keys = set(map(key_of, words))
    sized = "dataset=shapes" in words or any(
        key in keys for key in ("backbone", "backbone.image_size", "dataset.size")
    )
    return [] if sized else [f"backbone.image_size={SIDE}"]
