"""p2p/*: the released word tables, controllers, local blend, and sampling with each controller."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from golden_replay.fake_text import MAPS, FakeTextBackbone, FromNoise, Words
from golden_replay.recording import Golden, Worst
from golden_replay.verdict import DRIFT, EXACT, SINGLE, Verdict, all_within
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data.shapes import Shapes
from ids.diffusion.ddim import ddim_step
from ids.methods import PromptToPrompt
from ids.methods.editors import p2p_words
from ids.methods.editors.local_blend import mask, spread
from ids.methods.editors.p2p_control import Control
from ids.representations import LatentImage

N = 77


def controllers(golden: Golden, name: str) -> Verdict:
    """Tables, controllers on bare tensors, and the blend, in float32 as they were recorded."""
    description, stored, worst = golden.description(name), golden.tensors(name), Worst()
    for kind, prompts in description["prompts"].items():
        _tables(kind, prompts, description, stored, worst)
        control = _control(golden, kind, description)
        for step in range(description["num_steps"]):
            control.step = step
            for which, site in (("self", "x.attn1.probs"), ("cross", "x.attn2.probs")):
                given = stored[f"ctl.{kind}.step{step}.{which}_in"].unflatten(0, (4, -1))
                ours = control(site, given) if control.wants(site, 9) else given
                expected = stored[f"ctl.{kind}.step{step}.{which}_out"].unflatten(0, (4, -1))
                worst.compare(f"{which}-attention", ours, expected)
    _blend(description, stored, worst)
    return all_within(worst.errors, SINGLE)


def sampling(golden: Golden, name: str) -> Verdict:
    """Five guided steps under each controller, source and target side by side."""
    description, stored, exact, single = (
        golden.description(name),
        golden.tensors(name),
        Worst(),
        Worst(),
    )
    for kind in ("none", *description["prompts"]):
        for dtype, worst in ((torch.float64, exact), (torch.float32, single)):
            _sampled(golden, kind, description, stored, dtype, worst)
    _single_steps(golden, stored, exact)
    drifted = {f"{key} f32": error for key, error in single.errors.items()}
    allowed = dict.fromkeys(exact.errors, EXACT) | dict.fromkeys(drifted, DRIFT)
    allowed |= {key: SINGLE for key in allowed if key.endswith("stored in float32")}
    return Verdict(exact.errors | drifted, allowed)


def _editor(kind: str, description: Mapping[str, Any], inversion: FromNoise) -> PromptToPrompt:
    """The editor that `ids run method=p2p` builds for a kind of controller."""
    plain = kind == "none"
    overrides = [
        f"method.words={'replace' if kind == 'replace' else 'refine'}",
        f"method.cross_share={0.0 if plain else description['cross_replace_steps']!r}",
        f"method.self_share={0.0 if plain else description['self_replace_steps']!r}",
        "method.self_side=1.0",  # all maps here are small
    ]
    (setting,) = compose_all(["method=p2p", *overrides])
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, PromptToPrompt)
    return replace(editor, inversion=inversion)


def _case(kind: str, description: Mapping[str, Any]) -> EditCase:
    source, target = description["prompts"].get(kind, description["prompts"]["replace"])
    word, value = description["equalizer"].get(kind, ("", 1.0))
    weights = {word: value} if word else {}
    image = Shapes(count=1)[0].source
    return EditCase("recorded", image, source, target, word_weights=weights)


def _control(golden: Golden, kind: str, description: Mapping[str, Any]) -> Control:
    case = _case(kind, description)
    backbone = FakeTextBackbone(
        golden.backbone(torch.float32, "sd4"), (case.prompt_src, case.prompt_trg)
    )
    z = golden.inputs_sd4["z_T"]
    editor = _editor(kind, description, FromNoise(z, description["num_steps"]))
    subject = LatentImage(z, [case], backbone.decode)
    return editor.control(backbone, subject)


def _tables(
    kind: str,
    prompts: Sequence[str],
    description: Mapping[str, Any],
    stored: Mapping[str, Tensor],
    worst: Worst,
) -> None:
    words = Words()
    (source, target) = prompts
    x, y = words.tokens(source), words.tokens(target)
    if kind == "replace":
        table = p2p_words.replacement((source, x), (target, y), N)
        worst.compare("replace.mapper", table, stored["replace.mapper"][0])
    if kind == "refine":
        mapper, alphas = p2p_words.refinement(x, y, N)
        worst.compare("refine.mapper", mapper, stored["refine.mapper"][0])
        worst.compare("refine.alphas", alphas, stored["refine.alphas"][0])
        shares: dict[str, p2p_words.Bounds] = {"default": 0.4, "float08": 0.8, "tuple": [0.0, 0.8]}
        shares["dict"] = {p2p_words.DEFAULT: 0.8, "chair": 0.4}
        for name, bounds in shares.items():
            table = p2p_words.shares(bounds, target, y, description["num_steps"], N)
            expected = stored[f"alpha_time_words.{name}"][:, 0, 0, 0]
            worst.compare(f"alpha_time_words.{name}", table, expected)
    if f"{kind}.equalizer" in stored:
        word, value = description["equalizer"][kind]
        table = p2p_words.weights({word: value}, target, y, N)
        worst.compare("equalizer", table, stored[f"{kind}.equalizer"][0])


def _blend(description: Mapping[str, Any], stored: Mapping[str, Tensor], worst: Worst) -> None:
    blend, maps = description["local_blend"], stored["lb.maps"]  # layers, prompts, pixels, tokens
    for name, subtracted in blend["substruct"].items():
        x, marks = stored[f"lb.{name}.x"], stored[f"lb.{name}.alpha_layers"][:, 0, 0, 0, 0]
        seen = torch.einsum("lpqt,pt->pq", maps, marks)[None].unflatten(2, (16, 16))
        kept = mask(spread(seen), (64, 64), blend["th"][0])
        if subtracted:
            words, prompts = Words(), description["prompts"]["refine"]
            away = [
                p2p_words.marked(w, p, words.tokens(p), N)
                for w, p in zip(subtracted, prompts, strict=True)
            ]
            seen = torch.einsum("lpqt,pt->pq", maps, torch.stack(away))[None].unflatten(2, (16, 16))
            kept &= ~mask(seen, (64, 64), blend["th"][1])
        worst.compare("blend", x[:1] + kept * (x - x[:1]), stored[f"lb.{name}.y"])


def _sampled(
    golden: Golden,
    kind: str,
    description: Mapping[str, Any],
    stored: Mapping[str, Tensor],
    dtype: torch.dtype,
    worst: Worst,
) -> None:
    n, case = description["num_steps"], _case(kind, description)
    network = golden.backbone(dtype, "sd4")
    backbone = FakeTextBackbone(network, (case.prompt_src, case.prompt_trg))
    z_T = golden.inputs_sd4["z_T"].to(dtype)
    given: list[Tensor] = []
    network.denoiser.unet.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    editor = replace(
        _editor(kind, description, FromNoise(z_T, n)), guidance_scale=description["guidance"]
    )
    subject = LatentImage(z_T, [case], backbone.decode)
    editor(EditContext(backbone, Streams(("recorded",))), subject)
    end = stored[
        f"{kind}.step{n - 1}.latents"
        if dtype == torch.float64
        else f"f32.{kind}.step{n - 1}.latents"
    ]
    worst.compare("z", subject.z_trg.detach(), end[1:])
    if dtype == torch.float64:
        for step in range(1, n):
            worst.compare("latents", given[step][:2], stored[f"{kind}.step{step - 1}.latents"])
        for site, name in MAPS.items():
            for step in (0, n - 1):
                expected = stored[f"{kind}.step{step}.{name}"]
                kept = "maps" if expected.dtype == torch.float64 else "maps, stored in float32"
                worst.compare(kept, backbone.maps[site][step], expected)


def _single_steps(golden: Golden, stored: Mapping[str, Tensor], worst: Worst) -> None:
    """The released sampling and inversion steps on a grid of 50, at single timesteps."""
    vp = golden.backbone(torch.float64, "sd4").schedule
    eps, z = golden.inputs_sd4["z_T"].double(), golden.inputs_sd4["z_0"].double()
    for t in (1, 20, 500, 980):
        below = max(t - 20, 0)
        worst.compare("prev_step", ddim_step(vp, z, eps, t, below), stored[f"ddim.prev_step.t{t}"])
        worst.compare("next_step", ddim_step(vp, z, eps, below, t), stored[f"ddim.next_step.t{t}"])
