"""Stable Diffusion 3 and 3.5 by their configurations; other models are refused by name."""

from collections.abc import Iterator, Mapping
from typing import Any

from ids.backbones.model_kind import (
    CLIPS,
    TEXT_MODELS,
    Config,
    autoencoder_faults,
    brief,
    check_numbers,
)
from ids.backbones.noise_schedule import LONGEST, wrong_scheduler
from ids.core.errors import WeightsError

SCHEDULER = "FlowMatchEulerDiscreteScheduler"
UNUSED = (  # entries that change the noise levels; Stable Diffusion 3 sets none of them
    "use_dynamic_shifting",
    "invert_sigmas",
    "shift_terminal",
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "stochastic_sampling",
)
CLASSES = {"transformer": "SD3Transformer2DModel", "vae": "AutoencoderKL"}


def check_flow_kind(where: str, configs: Mapping[str, Config]) -> None:
    """`WeightsError` for the configurations of another model, or of parts that do not belong
    together; `where` names the folder.
    """
    for part, config in configs.items():
        if part != "scheduler":
            check_numbers(where, part, config)
    for kind in _classes(configs):
        raise WeightsError(
            f"{where}: expected Stable Diffusion 3 or 3.5; {kind}; choose another model"
        )
    for fault in (*_misfits(configs), *autoencoder_faults(configs["vae"])):
        raise WeightsError(f"{where}: expected {fault}; take the parts of one model")


def check_flow_scheduler(config: Config, where: str) -> None:
    """`WeightsError` for a scheduler of another kind, or one with further changes of the noise
    levels than a shift.
    """
    name, n = config.get("_class_name"), config.get("num_train_timesteps")
    shift: Any = config.get("shift")
    if name != SCHEDULER:
        raise wrong_scheduler(where, f"the {SCHEDULER} of Stable Diffusion 3", name)
    if type(n) is not int or not 1 <= n <= LONGEST:
        raise wrong_scheduler(where, f"num_train_timesteps of 1 to {LONGEST}", n)
    if type(shift) not in (int, float) or not 0 < shift < LONGEST:
        raise wrong_scheduler(where, "shift, a number above 0", shift)
    for entry in UNUSED:
        if config.get(entry):
            raise wrong_scheduler(where, f"{entry} to be unset", config[entry])


def _classes(configs: Mapping[str, Config]) -> Iterator[str]:
    for part, wanted in CLASSES.items():
        if (name := configs[part].get("_class_name", wanted)) != wanted:
            yield f"its {part} is a {brief(name)}"
    for part in CLIPS:
        if (model := configs[part].get("model_type", TEXT_MODELS[0])) not in TEXT_MODELS:
            yield f"its {part} is {brief(model)}, not CLIP's"
    t5 = configs.get("text_encoder_3")
    if t5 and t5.get("model_type", "t5") != "t5":
        yield f"its text_encoder_3 is {brief(t5['model_type'])}, not T5's"


def _misfits(configs: Mapping[str, Config]) -> Iterator[str]:
    transformer, latent = configs["transformer"], configs["vae"]["latent_channels"]
    for name in ("in_channels", "out_channels"):
        if transformer[name] != latent:
            yield f"a transformer of the autoencoder's {latent} channels; {name} is " + brief(
                transformer[name]
            )
    pooled = sum(configs[part].get("projection_dim") or 0 for part in CLIPS)
    if transformer["pooled_projection_dim"] != pooled:
        yield f"pooled_projection_dim {pooled}, of two text encoders; got " + brief(
            transformer["pooled_projection_dim"]
        )
    width = transformer["joint_attention_dim"]
    if (least := sum(configs[part]["hidden_size"] for part in CLIPS)) > width:
        yield f"a joint_attention_dim of {least} or more, for two text encoders; got {width}"
    t5: Any = configs.get("text_encoder_3")
    if t5 and t5["d_model"] != width:
        yield f"a transformer that attends to T5's {t5['d_model']} features; got {width}"
