"""The kind of a diffusers model, by its configurations: Stable Diffusion 1.x or 2.x conditioned on
text alone, or another kind that is refused by name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ids.core.errors import WeightsError

Config = Mapping[str, Any]
SDXL = "Stable Diffusion XL"
FLOW = "Stable Diffusion 3"
LCM = "a latent consistency model (LCM)"
PIPELINES = {  # part of a pipeline's class name -> kind
    "StableDiffusionXL": SDXL,
    "StableDiffusion3": FLOW,
    "Flux": "FLUX",
    "LatentConsistency": LCM,
    "InstructPix2Pix": "InstructPix2Pix",
    "Inpaint": "an inpainting model",
    "Depth2Img": "a depth-to-image model",
    "Upscale": "an upscaler",
    "unCLIP": "a model of unCLIP's kind",
    "UnCLIP": "a model of unCLIP's kind",
    "Kandinsky": "Kandinsky",
    "PixArt": "PixArt",
    "Wuerstchen": "Wuerstchen",
    "StableCascade": "Stable Cascade",
    "IFPipeline": "DeepFloyd IF",
    "GLIGEN": "GLIGEN",
    "AltDiffusion": "AltDiffusion",
    "VideoDiffusion": "a video model",
    "AnimateDiff": "a video model",
}
NUMBERS = {  # required entries: whole numbers
    "unet": ("in_channels", "out_channels"),
    "vae": ("in_channels", "out_channels", "latent_channels"),
    "text_encoder": (
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings",
    ),
    "transformer": (
        "in_channels",
        "out_channels",
        "patch_size",
        "num_layers",
        "num_attention_heads",
        "attention_head_dim",
        "joint_attention_dim",
        "caption_projection_dim",
        "pooled_projection_dim",
        "pos_embed_max_size",
    ),
    "text_encoder_3": ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads"),
}
LISTS = {
    "unet": ("block_out_channels", "down_block_types", "up_block_types"),
    "vae": ("block_out_channels", "down_block_types", "up_block_types"),
}
MANY = 1_000_000  # larger than any dimension of these networks
LEVELS = 32
DEPTHS = {
    "num_hidden_layers": 200,
    "num_layers": 200,
    "layers_per_block": 32,
    "transformer_layers_per_block": 32,
}
CLIPS = ("text_encoder", "text_encoder_2")  # text encoders of CLIP, with equal configurations
TEXT_MODELS = ("clip_text_model", "clip", "clip_text_model_with_projection")


def kind_of_pipeline(index: Config) -> str:
    """The kind that model_index.json names, if it is another one; else empty."""
    name = str(index.get("_class_name", ""))
    return next((kind for part, kind in PIPELINES.items() if part in name), "")


def check_kind(where: str, configs: Mapping[str, Config]) -> None:
    """`WeightsError` for the configurations of another model, or of parts that do not belong
    together; `where` names the folder or pipeline.
    """
    for part, config in configs.items():
        check_numbers(where, part, config)
    unet, vae, text = configs["unet"], configs["vae"], configs["text_encoder"]
    for kind, why in (*_classes(configs), *_conditions(unet), *_channels(unet, vae)):
        raise another_kind(where, kind, why)
    for fault in (*_misfits(unet, text), *autoencoder_faults(vae)):
        raise WeightsError(f"{where}: expected {fault}; take the parts of one model")


def check_numbers(where: str, part: str, config: Config) -> None:
    """`WeightsError` for a configuration without the numbers that describe its network, or with
    numbers that no such network has.
    """
    for fault in _malformed(part, config):
        raise WeightsError(
            f"{where}: {part} configuration: expected {fault}; take a complete copy of the model"
        )


def another_kind(where: str, kind: str, why: str) -> WeightsError:
    """The error for a model that is recognized and not supported."""
    return WeightsError(
        f"{where}: expected Stable Diffusion 1.x or 2.x, conditioned on text alone; "
        f"this is {kind} ({why}); choose another model"
    )


def _malformed(part: str, config: Config) -> Iterator[str]:
    clip = part in CLIPS
    for name in NUMBERS["text_encoder" if clip else part]:
        value = config.get(name)
        if type(value) is not int or not 0 < value < MANY:
            yield f"{name}, a whole number above 0; got {brief(value)}"
    for name in LISTS.get(part, ()):
        value = config.get(name)
        if not isinstance(value, list) or not 0 < len(value) <= LEVELS:
            yield f"{name}, a list of up to {LEVELS} entries; got {brief(value)}"
    if clip and not isinstance(config.get("hidden_act"), str):
        yield f"hidden_act, the name of an activation; got {brief(config.get('hidden_act'))}"
    for name, most in DEPTHS.items():
        value = config.get(name, 1)
        depths = value if isinstance(value, list) else [value]
        if not all(type(depth) is int and 0 < depth <= most for depth in depths):
            yield f"{name} of 1 to {most}; got {brief(value)}"


def _classes(configs: Mapping[str, Config]) -> Iterator[tuple[str, str]]:
    for part, wanted in {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}.items():
        name = configs[part].get("_class_name", wanted)
        if name != wanted:
            yield f"a model with {brief(name)}", f"its {part} is not a {wanted}"
    model = configs["text_encoder"].get("model_type", TEXT_MODELS[0])
    if model not in TEXT_MODELS:
        yield f"a model with the text encoder {brief(model)}", "it is not CLIP's"


def _conditions(unet: Config) -> Iterator[tuple[str, str]]:
    """Conditions of a UNet beside noisy latents, time and text."""
    if unet.get("addition_embed_type") == "text_time":
        yield SDXL, "unet addition_embed_type is text_time"
    if unet.get("time_cond_proj_dim") is not None:
        yield LCM, "unet time_cond_proj_dim is set"
    if unet.get("attention_type", "default") != "default":
        yield "GLIGEN", f"unet attention_type is {brief(unet['attention_type'])}"
    for name in (
        "addition_embed_type",
        "class_embed_type",
        "num_class_embeds",
        "encoder_hid_dim_type",
        "encoder_hid_dim",
        "quantization_config",
    ):
        if unet.get(name) is not None:
            yield "a model with further conditions", f"unet {name} is {brief(unet[name])}"


def _channels(unet: Config, vae: Config) -> Iterator[tuple[str, str]]:
    latent, given, answered = vae["latent_channels"], unet["in_channels"], unet["out_channels"]
    why = f"its UNet takes {given} channels where latents have {latent}"
    if given != latent:
        kinds = {
            2 * latent + 1: "an inpainting model",
            2 * latent: "InstructPix2Pix, or another model conditioned on an image",
            latent + 1: "a depth-to-image model",
            latent + 3: "an upscaler",
        }
        yield kinds.get(given, "a model of other latents, or parts of two models"), why
    if answered != latent:
        yield (
            "a model that predicts more than noise",
            f"its UNet gives {answered} channels where latents have {latent}",
        )


def _misfits(unet: Config, text: Config) -> Iterator[str]:
    dims = unet.get("cross_attention_dim")
    listed = dims if isinstance(dims, list) else [dims]
    if any(dim != text["hidden_size"] for dim in listed):
        yield (
            f"a UNet that attends to the text encoder's {text['hidden_size']} features; unet "
            f"cross_attention_dim is {brief(dims)}"
        )


def autoencoder_faults(vae: Config) -> Iterator[str]:
    """What an autoencoder of images, whose latents one factor scales, would have."""
    for name in ("in_channels", "out_channels"):
        if vae[name] != 3:
            yield f"an autoencoder of RGB images; vae {name} is {vae[name]}"
    for name in ("latents_mean", "latents_std"):
        if vae.get(name) is not None:
            yield f"latents that one factor scales, as Stable Diffusion's; vae has {name}"
    for name, default in (("scaling_factor", 0.18215), ("shift_factor", None)):
        value = vae.get(name, default)
        if value is None and name == "shift_factor":
            continue
        finite = type(value) in (int, float) and abs(value) < MANY  # NaN is not
        if not finite or (name == "scaling_factor" and value <= 0):
            yield f"a number as vae {name}; got {brief(value)}"


def brief(value: Any) -> str:
    """A value of a configuration, in a message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:60] + "..."
