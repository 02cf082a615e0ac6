"""Learned perceptual image patch similarity."""

import re
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ids.core.errors import WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.core.records import EditCase, Edited
from ids.core.weight_files import Stamp, differences, digest_of, one_line, stamp
from ids.metrics.weights import check_weights, judging_device

NETS = ("alex", "vgg", "squeeze")
MIN_SIDES = {"alex": 31, "vgg": 16, "squeeze": 17}  # below, a network pools nothing into nothing
NAMED_BY_HASH = re.compile(r"-([0-9a-f]{8,64})\.pth$")


@dataclass(frozen=True)
class LPIPS:
    """LPIPS 0.1 to the source (Zhang et al. 2018), by the `lpips` package, which brings its linear
    heads along but not the ImageNet network under them. That is looked for where torchvision keeps
    it, or at `backbone`; its content must have the hash its name ends in, as torchvision's do
    (`alexnet-owt-7be5be79.pth`): the package itself would take any file.
    """

    net: str = "alex"
    backbone: str | None = None

    version = 1
    unit = ""
    higher_is_better = False

    def __post_init__(self) -> None:
        if self.net not in NETS:
            raise ValueError(f"lpips net: expected one of {', '.join(NETS)}; got {self.net!r}")

    @property
    def name(self) -> str:
        return f"lpips_{self.net}"

    @property
    def min_side(self) -> int:
        return MIN_SIDES[self.net]

    def files(self) -> list[NeededFile]:
        """The network under the heads."""
        remedy = f"fetch {_torchvision_url(self.net)} into it"
        file = backbone_file(self.net, self.backbone)
        return [needed_file(f"network of lpips_{self.net}", file, remedy)]

    def weights_id(self) -> str:
        """Net and digest of the file. Loads it, so that what does not fit is known at once."""
        file = checked_backbone(self.net, self.backbone)
        _loaded(self.net, stamp(file), judging_device())
        return f"{self.net}-{digest_of(file)[:8]}"

    @torch.no_grad()
    def __call__(self, case: EditCase, edited: Edited) -> float:
        device = judging_device()
        file = checked_backbone(self.net, self.backbone)
        network = _loaded(self.net, stamp(file), device)
        pair = [x.unsqueeze(0).to(device) for x in (edited.image, case.source.load())]
        return float(network(*pair, normalize=True))


def checked_backbone(net: str, given: str | None) -> Path:
    """The file of the network under the heads; `WeightsError` where it is missing or another."""
    url = _torchvision_url(net)
    file = backbone_file(net, given)
    if not file.is_file():
        raise WeightsError(
            f"lpips_{net}: expected its network in {file}; there is no such file; "
            f"fetch {url} into it, or name a copy: metrics.lpips.backbone=/path/{Path(url).name}"
        )
    named = NAMED_BY_HASH.search(file.name)
    if named is None:
        raise WeightsError(
            f"lpips_{net}: expected a file named by its hash, such as {Path(url).name}; "
            f"got {file}, which cannot be checked; give it its name back"
        )
    digest = digest_of(file)
    if not digest.startswith(named[1]):
        raise WeightsError(
            f"lpips_{net}: expected {file} to have the hash of its name, {named[1]}; "
            f"it has {digest[: len(named[1])]}; it is broken or another file: fetch {url} again"
        )
    return file


def backbone_file(net: str, given: str | None) -> Path:
    """`given`, or the file in torchvision's cache; it may not exist."""
    if given:
        return Path(given).expanduser()
    return Path(torch.hub.get_dir(), "checkpoints", Path(_torchvision_url(net)).name)


def _torchvision_url(net: str) -> str:
    from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

    weights = {"alex": AlexNet_Weights, "vgg": VGG16_Weights, "squeeze": SqueezeNet1_1_Weights}
    return str(weights[net].IMAGENET1K_V1.url)


@cache
def _loaded(net: str, stamped: Stamp, device: torch.device) -> Any:
    import lpips

    with warnings.catch_warnings():  # the package asks torchvision in a way that is deprecated
        warnings.simplefilter("ignore", UserWarning)
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)  # true heads
    # `slice2.3.weight` of the package is `features.3.weight` of torchvision.
    file, state = Path(stamped[0]), network.net.state_dict()
    places = {name: f"features.{name.split('.', 1)[1]}" for name in state}
    found = _features(net, file)
    wanted = {places[name]: tuple(value.shape) for name, value in state.items()}
    if told := differences(wanted, {name: tuple(value.shape) for name, value in found.items()}):
        raise WeightsError(
            f"lpips_{net}: expected the weights of torchvision's network in {file}; "
            f"they do not fit ({told}); check metric net and backbone"
        )
    network.net.load_state_dict({name: found[place] for name, place in places.items()})
    check_weights(network, f"lpips_{net}", file)
    return network.eval().requires_grad_(False).to(device)


def _features(net: str, file: Path) -> dict[str, torch.Tensor]:
    """The convolutions of torchvision's network; its classifier is not used."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        tensors = {str(name): value for name, value in state.items() if value.ndim >= 0}
    except Exception as error:  # torch has many of its own, all meaning: no such file
        raise WeightsError(
            f"lpips_{net}: expected the weights of torchvision's network in {file}; "
            f"they do not fit ({one_line(error)}); check metric net and backbone"
        ) from error
    return {name: value for name, value in tensors.items() if name.startswith("features.")}
