"""Cases with their images in memory: read once, however many metrics use them."""

from dataclasses import dataclass, replace

from ids.core.capture import SceneSource
from ids.core.records import EditCase, LazyImage
from ids.core.tensors import Image


@dataclass(frozen=True)
class _LoadedImage:
    """An image in memory, under the digest of its file."""

    image: Image
    lazy: LazyImage

    def digest(self) -> str:
        return self.lazy.digest()

    def load(self) -> Image:
        return self.image


def with_images(case: EditCase) -> EditCase:
    """The case with its images in memory. `DataError` where one cannot be read."""

    def load(image: LazyImage | None) -> LazyImage | None:
        return image and _LoadedImage(image.load(), image)

    is_scene = isinstance(case.source, SceneSource)  # more than its image is needed
    source = case.source if is_scene else _LoadedImage(case.source.load(), case.source)
    return replace(case, source=source, mask=load(case.mask), truth=load(case.truth))
