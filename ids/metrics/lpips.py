"""Learned perceptual image patch similarity."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from ids.core.errors import WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.weight_files import differences, digest_of, one_line
from ids.metrics.batches import over_shapes
from ids.metrics.weights import check_weights

Net = Literal["alex", "vgg", "squeeze"]
NETS: tuple[Net, ...] = get_args(Net)
MIN_SIDES = {"alex": 31, "vgg": 16, "squeeze": 17}  # below, a pooling layer has an empty output
NAMED_BY_HASH = re.compile(r"-([0-9a-f]{8,64})\.pth$")


@dataclass(frozen=True)
class LPIPS:
    """LPIPS 0.1 to the source (Zhang et al. 2018), by the `lpips` package. The package contains the
    linear heads, but not the ImageNet network under them. That network is read from torchvision's
    cache, or from the file `backbone`. The file's content must match the hash in its name
    (`alexnet-owt-7be5be79.pth`): the package itself would accept any file.
    """

    net: Net = "alex"
    backbone: str | None = None

    revision = 1
    unit = ""
    digits = 3
    higher_is_better = False

    @property
    def name(self) -> str:
        return f"lpips_{self.net}"

    @property
    def title(self) -> str:
        return f"LPIPS {self.net}"

    @property
    def min_side(self) -> int:
        return MIN_SIDES[self.net]

    def files(self) -> list[NeededFile]:
        """The network under the heads."""
        url = _torchvision_url(self.net)
        file = backbone_file(self.net, self.backbone)
        named = NAMED_BY_HASH.search(url)
        sha256 = named[1] if named else ""
        remedy = f"fetch {url} into it"
        return [needed_file(f"network of lpips_{self.net}", file, remedy, url, sha256)]

    def weights_id(self) -> str:
        """Net and digest of the backbone; `WeightsError` where it is missing or another file."""
        return f"{self.net}-{digest_of(checked_backbone(self.net, self.backbone))[:8]}"

    def load(self, models: Models) -> Any:
        """The package's network on the backbone; `WeightsError` where the weights do not fit."""
        return models.get(self, lambda: self._open().to(models.device))

    @torch.no_grad()
    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 or more; defined for every edit of at least `min_side` pixels."""
        network, device = self.load(models), models.device
        pairs = [(e.image, case.source.load()) for case, e in zip(cases, edits, strict=True)]
        found = over_shapes(pairs, lambda x, y: network(x.to(device), y.to(device), normalize=True))
        return [float(row) for row in found]

    def _open(self) -> Any:
        """On the CPU, in float32, frozen."""
        import lpips

        file = checked_backbone(self.net, self.backbone)
        with warnings.catch_warnings():  # the package calls torchvision in a deprecated way
            warnings.simplefilter("ignore", UserWarning)
            network = lpips.LPIPS(net=self.net, pnet_rand=True, verbose=False)  # trained heads
        _fill(network.net, self.net, file)
        check_weights(network, f"lpips_{self.net}", file)
        return network.eval().requires_grad_(False)


def _fill(backbone: Any, net: Net, file: Path) -> None:
    """`slice2.3.weight` of the package is `features.3.weight` of torchvision."""
    state = backbone.state_dict()
    places = {name: f"features.{name.split('.', 1)[1]}" for name in state}
    found = _features(net, file)
    wanted = {places[name]: tuple(value.shape) for name, value in state.items()}
    if misfits := differences(wanted, {name: tuple(value.shape) for name, value in found.items()}):
        raise _misfit(net, file, misfits)
    backbone.load_state_dict({name: found[place] for name, place in places.items()})


def checked_backbone(net: Net, given: str | None) -> Path:
    """The file of the network under the heads: `given`, or the one in torchvision's cache.
    `WeightsError` where it is missing or its content does not have the hash in its name.
    """
    url = _torchvision_url(net)
    file = backbone_file(net, given)
    if not file.is_file():
        raise WeightsError(
            f"lpips_{net}: expected its network in {file}; found no such file; "
            f"fetch {url} into it, or name a copy: metrics.lpips.backbone=/path/{Path(url).name}"
        )
    named = NAMED_BY_HASH.search(file.name)
    if named is None:
        raise WeightsError(
            f"lpips_{net}: expected a file named by its hash, such as {Path(url).name}; "
            f"got {file}, which cannot be checked; restore its name"
        )
    digest = digest_of(file)
    if not digest.startswith(named[1]):
        raise WeightsError(
            f"lpips_{net}: expected {file} to have the hash of its name, {named[1]}; "
            f"got {digest[: len(named[1])]}, a damaged or another file; fetch {url} again"
        )
    return file


def backbone_file(net: Net, given: str | None) -> Path:
    """`given`, or the file in torchvision's cache; it may not exist."""
    if given:
        return Path(given).expanduser()
    return Path(torch.hub.get_dir(), "checkpoints", Path(_torchvision_url(net)).name)


def _torchvision_url(net: Net) -> str:
    from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

    weights = {"alex": AlexNet_Weights, "vgg": VGG16_Weights, "squeeze": SqueezeNet1_1_Weights}
    return str(weights[net].IMAGENET1K_V1.url)


def _features(net: Net, file: Path) -> dict[str, torch.Tensor]:
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
        f"they do not fit ({reason}); check metrics.lpips.net and metrics.lpips.backbone"
    )
