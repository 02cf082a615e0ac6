"""The network of LPIPS 0.1 (Zhang et al. 2018): the linear heads of the `lpips` package on the
features of an ImageNet network in torchvision's layout.
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.errors import WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.core.protocols import Models
from ids.core.tensors import Features, Images
from ids.core.weight_files import differences, digest_of, one_line
from ids.metrics.weights import check_weights

Net = Literal["alex", "vgg", "squeeze"]
NETS: tuple[Net, ...] = get_args(Net)
MIN_SIDES = {"alex": 31, "vgg": 16, "squeeze": 17}  # below, a pooling layer has an empty output
NAMED_BY_HASH = re.compile(r"-([0-9a-f]{8,64})\.pth$")
DIGEST = re.compile(r"[0-9a-f]{8,64}")
LayerMap = Float[Tensor, "B 1 _ _"]


@dataclass(frozen=True)
class LpipsNetwork:
    """One of three networks. `backbone` is the file of its ImageNet weights; null for the one in
    torchvision's cache. The content must have the digest `sha256` (its first 8 digits or more),
    or without one the hash in the file's name, as in `alexnet-owt-7be5be79.pth`: the `lpips`
    package itself would accept any file.
    """

    net: Net
    backbone: str | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.sha256 is not None and not DIGEST.fullmatch(self.sha256):
            raise ValueError(
                f"sha256: expected 8 to 64 digits of 0-9 and a-f; got {self.sha256!r}; "
                "take them from `sha256sum FILE`"
            )

    @property
    def file(self) -> Path:
        """The backbone's file; it may not exist."""
        if self.backbone:
            return Path(self.backbone).expanduser()
        return Path(torch.hub.get_dir(), "checkpoints", Path(_torchvision_url(self.net)).name)

    def files(self) -> list[NeededFile]:
        """The network under the heads."""
        url, file = _torchvision_url(self.net), self.file
        fetched = url if file.name == Path(url).name else ""  # another file is not torchvision's
        what, remedy = f"network of lpips_{self.net}", f"fetch {url} into it"
        return [needed_file(what, file, remedy, fetched, self.sha256 or _hash_in(file.name))]

    def weights_id(self) -> str:
        """Net and digest of the backbone; `WeightsError` where it is missing or another file."""
        return f"{self.net}-{digest_of(self.checked_file())[:8]}"

    def load(self, models: Models) -> Any:
        """The package's network on the backbone, one for all metrics that use it; `WeightsError`
        where the weights do not fit.
        """
        return models.get(self, lambda: self._open().to(models.device))

    def checked_file(self) -> Path:
        """The backbone's file. `WeightsError` where it is missing, or its content does not have the
        digest that it should have.
        """
        url, file, where = _torchvision_url(self.net), self.file, f"lpips_{self.net}"
        if not file.is_file():
            raise WeightsError(
                f"{where}: expected its network in {file}; found no such file; fetch {url} into "
                f"it, or name a copy: metrics.NAME.backbone=/path/{Path(url).name}"
            )
        digest, wanted = digest_of(file), self.sha256 or _hash_in(file.name)
        if not wanted:
            raise WeightsError(
                f"{where}: expected a file named by its hash, as {Path(url).name}; got {file}; "
                f"restore its name, or give its digest: metrics.NAME.sha256={digest}"
            )
        if not digest.startswith(wanted):
            source = "the digest of sha256" if self.sha256 else "the hash of its name"
            raise WeightsError(
                f"{where}: expected {file} to have {source}, {wanted}; "
                f"got {digest[: len(wanted)]}, a damaged or another file; fetch {url} again"
            )
        return file

    def _open(self) -> Any:
        """On the CPU, in float32, frozen."""
        import lpips

        file = self.checked_file()
        with warnings.catch_warnings():  # the package calls torchvision in a deprecated way
            warnings.simplefilter("ignore", UserWarning)
            network = lpips.LPIPS(net=self.net, pnet_rand=True, verbose=False)  # trained heads
        _fill(network.net, self.net, file)
        check_weights(network, f"lpips_{self.net}", file)
        return network.eval().requires_grad_(False)


def layer_maps(
    network: Any, x: Images, y: Images, unit: Callable[[Features], Features]
) -> list[LayerMap]:
    """The weighted squared difference of features of unit length at every position of every layer
    (Zhang et al. 2018, eq. 1 before the means), of images in [-1, 1]. `unit` scales features to
    unit length over their channels.
    """
    found = [network.net(network.scaling_layer(image)) for image in (x, y)]
    layers = zip(network.lins, *found, strict=True)
    return [head((unit(f) - unit(g)).square()) for head, f, g in layers]


def unit_length(features: Features) -> Features:
    """f / (|f| + 1e-10), as the `lpips` package."""
    scaled: Features = features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)
    return scaled


def _hash_in(name: str) -> str:
    """`7be5be79` of `alexnet-owt-7be5be79.pth`; empty where the name has none."""
    found = NAMED_BY_HASH.search(name)
    return found[1] if found else ""


def _fill(backbone: Any, net: Net, file: Path) -> None:
    """`slice2.3.weight` of the package is `features.3.weight` of torchvision."""
    state = backbone.state_dict()
    places = {name: f"features.{name.split('.', 1)[1]}" for name in state}
    found = _features(net, file)
    wanted = {places[name]: tuple(value.shape) for name, value in state.items()}
    if misfits := differences(wanted, {name: tuple(value.shape) for name, value in found.items()}):
        raise _misfit(net, file, misfits)
    backbone.load_state_dict({name: found[place] for name, place in places.items()})


def _torchvision_url(net: Net) -> str:
    from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

    weights = {"alex": AlexNet_Weights, "vgg": VGG16_Weights, "squeeze": SqueezeNet1_1_Weights}
    return str(weights[net].IMAGENET1K_V1.url)


def _features(net: Net, file: Path) -> dict[str, Tensor]:
    """The convolutions of torchvision's network; its classifier is not used."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        tensors = {str(name): value for name, value in state.items() if value.ndim >= 0}
    except Exception as error:  # torch raises many types; each means that the file is unreadable
        raise _misfit(net, file, one_line(error)) from error
    return {name: value for name, value in tensors.items() if name.startswith("features.")}


def _misfit(net: Net, file: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"lpips_{net}: expected the weights of torchvision's network in {file}; "
        f"they do not fit ({reason}); check metrics.NAME.net and metrics.NAME.backbone"
    )
