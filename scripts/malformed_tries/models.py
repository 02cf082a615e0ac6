"""Model folders: incomplete, not finite or of another kind; each is refused by name."""

from collections.abc import Sequence

import torch

from malformed_tries.folders import (
    POINTER,
    TEXT,
    UNET,
    VAE,
    Change,
    both,
    config,
    content,
    cut,
    filled,
    gone,
    halved,
    header,
    json_file,
    links,
    model,
    pickled,
    tensors,
)
from malformed_tries.place import FAST, Place
from malformed_tries.trying import Accepted, Refused, Seen, Try

RUN: tuple[str, ...] = (
    "run",
    *FAST,
    "method=dds",
    "limit=1",
    "backbone=stable_diffusion",
    "backbone.path=sd",
)
RUN += ("backbone.image_size=64", "sites=shapes")
HUGE = b'{"conv_in.bias":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}'
BIAS = "conv_out.bias"
PARTS: dict[str, tuple[Change, str]] = {
    "no unet": (gone("unet"), "missing: unet|unet"),
    "no vae": (gone("vae"), "vae"),
    "no text encoder": (gone("text_encoder"), "text_encoder"),
    "no tokenizer": (gone("tokenizer"), "tokenizer"),
    "no scheduler": (gone("scheduler"), "scheduler"),
    "no unet weights": (gone(UNET), "unet"),
    "no vae weights": (gone(VAE), "vae"),
    "no text weights": (gone(TEXT), "text_encoder"),
    "no unet configuration": (gone("unet/config.json"), r"unet/config\.json"),
    "no vae configuration": (gone("vae/config.json"), r"vae/config\.json"),
    "no text configuration": (gone("text_encoder/config.json"), r"text_encoder/config\.json"),
    "no scheduler configuration": (gone("scheduler/scheduler_config.json"), "scheduler_config"),
    "unet cut short": (cut(UNET, -100), "unet/.*cut short"),
    "vae cut short": (cut(VAE, -100), "vae/.*cut short"),
    "text cut in its header": (cut(TEXT, 60), "text_encoder/.*cut short"),
    "an empty vae": (content(VAE, b""), "vae/.*empty"),
    "a git-lfs pointer": (content(UNET, POINTER), "unet/.*git-lfs pointer"),
    "a web page": (content(VAE, b"<!DOCTYPE html><html>"), "web page"),
    "a pickle by name of safetensors": (content(VAE, b"PK\x03\x04" + b"0" * 99), "pickle"),
    "a pickle alone": (pickled, "pickle"),
    "noise for weights": (content(VAE, bytes(range(200))), "damaged"),
    "a tensor beyond memory": (content(UNET, header(HUGE)), "unet/.*damaged"),
    "NaN in the unet": (filled(UNET, BIAS, torch.nan), "conv_out.bias holds NaN"),
    "infinity in the unet": (filled(UNET, BIAS, torch.inf), "conv_out.bias holds infinity"),
    "NaN in the vae": (filled(VAE, "decoder.conv_out.bias", torch.nan), "holds NaN"),
    "a tensor missing": (tensors(UNET, lambda f: {n: x for n, x in f.items() if n != BIAS}),
                         r"1 missing: conv_out\.bias"),
    "a tensor too many": (tensors(VAE, lambda f: f | {"decoder.more": torch.zeros(2)}),
                          r"1 extra: decoder\.more"),
    "a tensor of another shape": (tensors(UNET, lambda f: f | {"conv_in.bias": torch.zeros(7)}),
                                  r"1 wrong-shaped: conv_in\.bias"),
    "whole numbers for weights": (tensors(UNET, lambda f: f | {BIAS: f[BIAS].to(torch.int8)}),
                                  "floating-point weights"),
    "a text encoder of more layers": (config("text_encoder", num_hidden_layers=9), "missing"),
    "a million layers": (config("text_encoder", num_hidden_layers=999_999), "text_encoder"),
    "broken JSON": (content("vae/config.json", b'{"a": '), r"vae/config\.json: expected JSON"),
    "deep JSON": (content("vae/config.json", b"[" * 100_000), "expected JSON"),
    "a list for JSON": (content("unet/config.json", b"[]"), "expected a JSON object"),
    "an activation unknown": (config("text_encoder", hidden_act="swoosh"), "cannot be built"),
    "code in a part": (config("unet", auto_map={"AutoModel": "evil.Net"}), "auto_map"),
    "code in the index": (json_file("model_index.json", trust_remote_code=True),
                          "trust_remote_code"),
    "code deep down": (config("vae", a=[{"trust_remote_code": True}]), "trust_remote_code"),
}  # fmt: skip
KINDS: dict[str, tuple[Change, str]] = {
    "9 channels": (config("unet", in_channels=9), "takes 9 channels"),
    "8 channels": (config("unet", in_channels=8), "takes 8 channels"),
    "inpainting": (
        both(config("unet", in_channels=9), config("vae", latent_channels=4)),
        "inpainting",
    ),
    "InstructPix2Pix": (
        both(config("unet", in_channels=8), config("vae", latent_channels=4)),
        "InstructPix2Pix",
    ),
    "depth": (
        both(config("unet", in_channels=5), config("vae", latent_channels=4)),
        "depth-to-image",
    ),
    "SDXL": (config("unet", addition_embed_type="text_time"), "Stable Diffusion XL"),
    "SDXL by its second encoder": (lambda f: (f / "text_encoder_2").mkdir(), "Diffusion XL"),
    "LCM": (config("unet", time_cond_proj_dim=256), "LCM"),
    "LCM by its scheduler": (config("scheduler", _class_name="LCMScheduler"), "LCM"),
    "flow matching": (config("scheduler", _class_name="FlowMatchEulerDiscreteScheduler"), "flow"),
    "class conditions": (config("unet", num_class_embeds=10), "further conditions"),
    "learned variance": (config("unet", out_channels=24), "predicts more than noise"),
    "FLUX": (both(gone("unet"), json_file("model_index.json", _class_name="FluxPipeline")), "FLUX"),
    "a T5 encoder": (config("text_encoder", model_type="t5"), "text encoder 't5'"),
    "a tiny autoencoder": (config("vae", _class_name="AutoencoderTiny"), "AutoencoderTiny"),
    "latents of 16": (config("vae", latent_channels=16), "vae|latents"),
    "a scale of 0": (config("vae", scaling_factor=0), "scaling_factor"),
    "a scale of NaN": (config("vae", scaling_factor=float("nan")), "scaling_factor"),
    "other words": (config("unet", cross_attention_dim=63), "text encoder's"),
    "no steps": (config("scheduler", num_train_timesteps=0), "num_train_timesteps"),
    "steps in words": (config("scheduler", num_train_timesteps="1000"), "num_train_timesteps"),
    "betas missing": (config("scheduler", beta_start=None), "beta_start"),
    "betas the wrong way": (config("scheduler", beta_start=0.5), "beta_start"),
    "betas beyond 1": (config("scheduler", beta_end=1.5), "beta_end"),
    "betas below 0": (config("scheduler", beta_start=-0.1), "beta_start"),
    "betas of NaN": (config("scheduler", beta_end=float("nan")), "beta"),
    "a beta beyond all numbers": (config("scheduler", beta_end=10**400), "beta"),
    "a schedule unknown": (config("scheduler", beta_schedule="cosine"), "got cosine"),
    "nine trained betas": (config("scheduler", trained_betas=[0.1] * 9), "1000 numbers"),
    "a prediction of samples": (config("scheduler", prediction_type="sample"), "prediction_type"),
    "zero SNR": (config("scheduler", rescale_betas_zero_snr=True), "zero terminal SNR"),
}
TOKENIZERS: dict[str, tuple[Change, str]] = {
    "no vocabulary": (gone("tokenizer/tokenizer.json"), "tokenizer"),
    "no configuration": (gone("tokenizer/tokenizer_config.json"), "tokenizer"),
    "an empty file": (content("tokenizer/tokenizer.json", b""), "tokenizer"),
    "an empty object": (content("tokenizer/tokenizer.json", b"{}"), "tokenizer"),
    "cut short": (cut("tokenizer/tokenizer.json", 3000), "tokenizer"),
    "a git-lfs pointer": (content("tokenizer/tokenizer.json", POINTER), "git-lfs|tokenizer"),
    "no words": (
        json_file("tokenizer/tokenizer.json", model={"type": "BPE", "vocab": {}, "merges": []}),
        "words|tokenizer",
    ),
    "code": (
        json_file("tokenizer/tokenizer_config.json", auto_map={"AutoTokenizer": "a.B"}),
        "auto_map",
    ),
}


def like_the_original(tolerance: float) -> Accepted:
    """The edit is that of the embedded network, up to the rounding of its weights."""

    def check(seen: Seen) -> str | None:
        from ids.run import Store

        right = ("backbone=shapes", "output_dir=right")
        seen.place.must("run", *FAST, "method=dds", "limit=1", *right)
        latents = []
        for root in ("outputs", "right"):
            store = Store(seen.place.folder / root)
            latents += [store.z_trg(key) for key in store.all_keys()]
        if len(latents) != 2:
            return f"{len(latents)} edits instead of one each"
        apart = float((latents[0] - latents[1]).abs().max())
        return None if apart <= tolerance else f"latents {apart:.3g} apart"

    return Accepted(check)


def tries() -> Sequence[Try]:
    kinds = {"model folders": PARTS, "model kinds": KINDS, "tokenizers": TOKENIZERS}
    refused = [
        Try(kind, name, RUN, Refused(words), model(change))
        for kind, faults in kinds.items()
        for name, (change, words) in faults.items()
    ]
    other = json_file("tokenizer/tokenizer_config.json", tokenizer_class="T5Tokenizer")
    taken: dict[str, tuple[float, tuple[Change, ...]]] = {
        "whole": (0, ()),
        "fp16 alone": (0.05, (halved,)),
        "links": (0, (links,)),
        "a tokenizer named T5": (0, (other,)),
    }
    accepted = [
        Try("model folders", name, RUN, like_the_original(tolerance), model(*changes))
        for name, (tolerance, changes) in taken.items()
    ]
    empty = Try("model folders", "an empty folder", RUN, Refused("sd"), empty_folder)
    nowhere = (*RUN[:-3], "backbone.path=./nowhere", *RUN[-2:])
    return [*refused, *accepted, empty, Try("model folders", "none", nowhere, Refused("nowhere"))]


def empty_folder(place: Place) -> None:
    (place.folder / "sd").mkdir()
