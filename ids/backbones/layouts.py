"""The kinds of diffusers folders that are read: their parts, and whether these belong together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ids.backbones.clip_tokenizer import check_vocabulary
from ids.backbones.flow_kind import check_flow_kind, check_flow_scheduler
from ids.backbones.model_kind import SDXL, Config, another_kind, check_kind
from ids.backbones.noise_schedule import check_scheduler
from ids.backbones.t5_text import check_t5_vocabulary

CheckConfigs = Callable[[Path, Mapping[str, Config]], None]


@dataclass(frozen=True, eq=False)
class Layout:
    """`networks`: part -> class. `tokenizers`: part -> the text encoder that it serves. Parts of
    `optional` may be missing. `check` gets the folder and the configurations of its networks and
    scheduler, by part; `WeightsError` for another kind, or for parts that do not fit.
    """

    networks: Mapping[str, str]
    tokenizers: Mapping[str, str]
    check: CheckConfigs = field(repr=False)
    optional: frozenset[str] = frozenset()

    @property
    def parts(self) -> tuple[str, ...]:
        """All folders, the scheduler's last."""
        return (*self.networks, *self.tokenizers, "scheduler")

    def stem(self, part: str) -> str:
        """The name of a network's weight files."""
        return "model" if part.startswith("text_encoder") else "diffusion_pytorch_model"


def _check_stable_diffusion(folder: Path, configs: Mapping[str, Config]) -> None:
    where = f"backbone {folder}"
    if (folder / "text_encoder_2").is_dir():
        raise another_kind(where, SDXL, "it has text_encoder_2")
    check_kind(where, {part: configs[part] for part in STABLE_DIFFUSION.networks})
    check_scheduler(configs["scheduler"], f"{where}: scheduler/scheduler_config.json")
    check_vocabulary(folder / "tokenizer", configs["text_encoder"]["vocab_size"], where)


def _check_flow(folder: Path, configs: Mapping[str, Config]) -> None:
    where = f"backbone {folder}"
    check_flow_kind(where, configs)
    check_flow_scheduler(configs["scheduler"], f"{where}: scheduler/scheduler_config.json")
    for tokenizer, encoder in STABLE_DIFFUSION_3.tokenizers.items():
        if encoder in configs:
            known = check_t5_vocabulary if encoder == "text_encoder_3" else check_vocabulary
            known(folder / tokenizer, configs[encoder]["vocab_size"], where)


STABLE_DIFFUSION = Layout(
    {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"},
    {"tokenizer": "text_encoder"},
    _check_stable_diffusion,
)
STABLE_DIFFUSION_3 = Layout(
    {
        "transformer": "SD3Transformer2DModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModelWithProjection",
        "text_encoder_2": "CLIPTextModelWithProjection",
        "text_encoder_3": "T5EncoderModel",
    },
    {
        "tokenizer": "text_encoder",
        "tokenizer_2": "text_encoder_2",
        "tokenizer_3": "text_encoder_3",
    },
    _check_flow,
    frozenset({"text_encoder_3", "tokenizer_3"}),
)
LAYOUTS = (STABLE_DIFFUSION, STABLE_DIFFUSION_3)
