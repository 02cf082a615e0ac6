"""Results of other code that are saved as strips: several images side by side, the edit last."""

from PIL import Image as PIL

from ids.core.errors import DataError

SIDE = 512  # of one image of a strip in PIE-Bench's released code


def last_square(image: PIL.Image, side: int = SIDE) -> PIL.Image:
    """The `side` x `side` pixels at the lower right of a strip, where released code saves the edit
    after the images it was made of; a square image unchanged. This is the rule by which
    PIE-Bench's evaluation takes the edited image from a file (evaluate.py). `DataError` for a strip
    that is smaller than that.
    """
    width, height = image.size
    if width == height:
        return image
    if min(width, height) < side:
        raise DataError(
            f"edited image: expected a square, or a strip of squares of {side} pixels; "
            f"got {width}x{height}; save it alone, without the images beside it"
        )
    return image.crop((width - side, height - side, width, height))
