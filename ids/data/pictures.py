"""Picture files, of whatever kind people have, to RGB in [0, 1] at the size asked for."""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PIL
from PIL import ImageOps, UnidentifiedImageError

from ids.core.errors import DataError
from ids.core.tensors import Image

MAX_PIXELS = 100_000_000
FITS = ("stretch", "crop")


@dataclass(frozen=True)
class PictureFile:
    """A picture on disk: EXIF orientation applied, transparency laid on white, 16 bits scaled,
    brought to size x size.

    `fit`: `stretch` resizes both sides (the released DDS, CDS and IDS pipelines), `crop` takes the
    middle square first (the DDS notebook).
    """

    path: Path
    size: int
    fit: str = "stretch"

    def digest(self) -> str:
        try:
            content = hashlib.sha256(self.path.read_bytes())
        except OSError as error:
            raise DataError(
                f"{self.path}: expected a picture file; {error.strerror}; check the path"
            ) from error
        content.update(f"/{self.size}/{self.fit}".encode())
        return content.hexdigest()

    def load(self) -> Image:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.DecompressionBombWarning)
            picture = self._open()
        if self.fit == "crop":
            picture = ImageOps.fit(picture, (self.size, self.size), PIL.Resampling.LANCZOS)
        pixels = np.asarray(picture.resize((self.size, self.size), PIL.Resampling.LANCZOS))
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255

    def _open(self) -> PIL.Image:
        try:
            with PIL.open(self.path) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise DataError(
                        f"{self.path}: expected at most {MAX_PIXELS // 10**6} megapixels; got "
                        f"{picture.width}x{picture.height}; shrink it first"
                    )
                return _to_rgb(ImageOps.exif_transpose(picture), self.path)
        except UnidentifiedImageError as error:
            raise DataError(
                f"{self.path}: expected a picture; its content is none that can be read"
            ) from error
        except PIL.DecompressionBombError as error:
            raise DataError(
                f"{self.path}: expected at most {MAX_PIXELS // 10**6} megapixels; shrink it first"
            ) from error
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(
                f"{self.path}: expected a readable picture; {error}; check the file"
            ) from error


@dataclass(frozen=True)
class MaskFile:
    """A mask on disk, white where the edit belongs; grey counts by its brightness."""

    picture: PictureFile

    def digest(self) -> str:
        return self.picture.digest()

    def load(self) -> Image:
        return self.picture.load().mean(0, keepdim=True).round().expand(3, -1, -1)


def _to_rgb(picture: PIL.Image, path: Path) -> PIL.Image:
    if picture.mode.startswith("I;16") or picture.mode == "I":
        pixels = np.asarray(picture, dtype=np.float64) / 257
        return PIL.fromarray(pixels.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode == "F":
        pixels = np.asarray(picture)
        if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
            raise DataError(
                f"{path}: expected floating-point pixels in [0, 1]; got others; convert to 8 bits"
            )
        return PIL.fromarray((pixels * 255).round().astype(np.uint8)).convert("RGB")
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return PIL.alpha_composite(PIL.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")
