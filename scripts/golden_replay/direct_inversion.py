"""directinversion/*: Direct Inversion, and P2P on it under each controller, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from golden_replay.fake_text import FakeTextBackbone, Words
from golden_replay.recorder import RecordingBackbone
from golden_replay.recording import Golden
from golden_replay.runs import compare_runs
from golden_replay.verdict import Verdict
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.data.shapes import Shapes
from ids.diffusion.ddim import ddim_step
from ids.diffusion.guidance import guide
from ids.methods import DirectInversion, PromptToPrompt
from ids.methods.editors.p2p_words import refinement, replacement, shares, weights
from ids.methods.inversion import InversionRequest, InversionResult
from ids.representations import LatentImage

LIMITS = dict.fromkeys(("inverted_latents", "noise_loss", "latents", "eps_cfg"), 1e-3)  # float32
N_TOKENS = 77


def direct_inversion(golden: Golden, name: str) -> Verdict:
    """Word tables, inversion, offsets, and every step of the sampling in float64; latents in
    float32.
    """
    hyper, stored = golden.description(name)["hyper"], golden.tensors(name)
    dtypes = (torch.float64, torch.float32)
    exact, single = (_Run(golden, hyper, d).values("noise_loss" in stored) for d in dtypes)
    return compare_runs(stored, exact | tables_of(hyper), single, LIMITS)


def tables_of(hyper: Mapping[str, Any]) -> dict[str, Tensor]:
    """The word tables of the editor's functions under the names of the recording."""
    words, (source, target) = Words(), hyper["prompts"]
    x, y = words.tokens(source), words.tokens(target)
    taken = shares(hyper["cross_replace_steps"], target, y, hyper["num_steps"], N_TOKENS)
    tables = {"alpha_time_words": taken[:, None, None, None]}
    if hyper["controller"].startswith("replace"):
        tables["mapper"] = replacement((source, x), (target, y), N_TOKENS)[None]
    else:
        mapper, alphas = refinement(x, y, N_TOKENS)
        tables |= {"mapper": mapper[None], "alphas": alphas[None]}
    if "equalizer" in hyper:
        tables["equalizer"] = weights(dict([hyper["equalizer"]]), target, y, N_TOKENS)[None]
    return {f"ctl.{key}": table for key, table in tables.items()}


def editor_of(hyper: Mapping[str, Any]) -> PromptToPrompt:
    """The editor that `ids run method=p2p inversion=direct` builds for these values."""
    controller, variant = hyper["controller"], hyper["variant"]
    plain = controller == "none"
    overrides: dict[str, Any] = {
        "inversion": "direct",
        "inversion.n_steps": hyper["num_steps"],
        "method.guidance_scale": hyper["guidance"],
        "method.words": "replace" if controller.startswith("replace") else "refine",
        "method.cross_share": 0.0 if plain else hyper["cross_replace_steps"],
        "method.self_share": 0.0 if plain else hyper["self_replace_steps"],
        "method.self_side": 1.0,  # all maps here are small
        "method.blend": "null",
    }
    variants: dict[str, dict[str, Any]] = {
        "full": {},
        "no_offset": {"inversion.share": 0.0},
        "not_full": {"inversion.share": hyper.get("scale")},
        "skip_step": {"inversion.every": hyper.get("skip_step")},
        "add_target": {"inversion.add_target": "true"},
        "vary": {"inversion.guidance_scale": hyper.get("inverse_guidance")},
    }
    overrides |= variants[variant]
    words = ["method=p2p", *(f"{key}={value}" for key, value in overrides.items())]
    (setting,) = compose_all(words)
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, PromptToPrompt)
    return editor


@dataclass
class _Observed:
    """The inversion of an editor, whose request and result are kept."""

    inversion: DirectInversion
    request: InversionRequest | None = None
    result: InversionResult | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inversion, name)

    def __call__(
        self, context: EditContext, z_src: Latent, request: InversionRequest
    ) -> InversionResult:
        self.request, self.result = request, self.inversion(context, z_src, request)
        return self.result


@dataclass
class _Run:
    """An edit of the recorded case, and what it computed."""

    golden: Golden
    hyper: Mapping[str, Any]
    dtype: torch.dtype
    given: list[Tensor] = field(default_factory=list)

    @torch.no_grad()
    def values(self, offsets: bool) -> dict[str, Tensor]:
        """Our values under the names of the recordings, with the offsets of both rows or not."""
        editor = editor_of(self.hyper)
        assert isinstance(editor.inversion, DirectInversion)
        observed = _Observed(editor.inversion)
        network = self.golden.backbone(self.dtype, "sd4")
        network.denoiser.unet.register_forward_pre_hook(lambda _, args: self.given.append(args[0]))
        backbone = RecordingBackbone(network)
        source, target = self.hyper["prompts"]
        words = dict([self.hyper["equalizer"]]) if "equalizer" in self.hyper else {}
        image = Shapes(count=1)[0].source
        case = EditCase("recorded", image, source, target, word_weights=words)
        text = FakeTextBackbone(backbone, (source, target))  # type: ignore[arg-type]
        z_src = self.golden.inputs_sd4["z_src"].to(self.dtype)
        subject = LatentImage(z_src, [case], network.decode)
        replace(editor, inversion=observed)(EditContext(text, Streams(("recorded",))), subject)
        n = self.hyper["num_steps"]
        given, outputs = self.given[-n:], backbone.outputs[-n:]
        eps_step0 = backbone.outputs[0][:1]
        if self.hyper.get("inverse_guidance") == 1:  # the null half, which ours does not need
            y, t = network.prompt([""]), torch.zeros(1, dtype=torch.long)
            eps_step0 = network.eps(z_src, y, t)
        values = {"inversion.eps_step0": eps_step0, **self._states(observed, network)}
        values |= self._offsets(text, observed) if offsets else {}
        return values | self._sampled(network, observed, given, outputs, subject.z_trg.detach())

    def _states(self, observed: _Observed, network: Backbone) -> dict[str, Tensor]:
        assert observed.result is not None
        times = reversed(observed.inversion.times(network.schedule))
        return {"inverted_latents": torch.stack([observed.result.states[t] for t in times])}

    def _offsets(self, backbone: Any, observed: _Observed) -> dict[str, Tensor]:
        request, result, direct = observed.request, observed.result, observed.inversion
        assert request is not None
        assert request.y_trg is not None
        assert result is not None
        if not direct.share:  # the recordings have the whole offsets
            times = direct.times(backbone.schedule)
            direct = DirectInversion(direct.n_steps, direct.offset)
            result = InversionResult(result.states, result.y_null, dict.fromkeys(times[:-1], 1.0))
        rows = [
            dict(direct.offsets(backbone, result, request, y))
            for y in (request.y_src, request.y_trg)
        ]
        return {"noise_loss": torch.stack([torch.cat([row[t] for row in rows]) for t in rows[0]])}

    def _sampled(
        self,
        network: Backbone,
        observed: _Observed,
        given: list[Tensor],
        outputs: list[Tensor],
        z_trg: Tensor,
    ) -> dict[str, Tensor]:
        times, values = observed.inversion.times(network.schedule), dict[str, Tensor]()
        result = observed.result
        assert result is not None
        for step, t in enumerate(times[:-1]):
            z, below = (
                given[step][-2:],
                times[step + 1],
            )  # without guidance, there are two rows alone
            eps = outputs[step]
            if len(eps) > 2:
                eps_null, eps_y = eps.chunk(2)
                eps = guide(eps_null, eps_y, self.hyper["guidance"])
            moved = ddim_step(network.schedule, z, eps, t, below)
            if step + 1 < len(given):
                after = given[step + 1][-2:]
            else:
                after = torch.cat([result.pulled(moved[:1], t, below), z_trg])
            ours = {"t": torch.tensor([t]), "eps_cfg": eps, "before_offset": moved}
            ours["latents"] = after
            values |= {f"step{step}.{key}": value for key, value in ours.items()}
        return values
