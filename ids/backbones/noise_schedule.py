"""The noise schedule and prediction type in the scheduler configuration of a diffusers model."""

from collections.abc import Mapping
from typing import Any

from ids.core.errors import WeightsError
from ids.diffusion.schedule import VP

SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid")
BY_BOUNDS = ("linear", "scaled_linear", "sigmoid")  # determined by beta_start and beta_end
PREDICTIONS = ("epsilon", "v_prediction")
LONGEST = 100_000  # timesteps
FOREIGN = {  # schedulers of models whose networks do not predict noise or velocity
    "FlowMatch": "a flow-matching model",
    "LCMScheduler": "a latent consistency model (LCM)",
    "TCDScheduler": "a trajectory consistency model",
    "CMStochastic": "a consistency model",
    "EDM": "a model in EDM's parametrization",
}


def check_scheduler(config: Mapping[str, Any], where: str) -> None:
    """`WeightsError` for betas, a number of timesteps or a prediction type that are missing or
    invalid, and for the scheduler of another kind of model.
    """
    name = str(config.get("_class_name", ""))
    if kind := next((kind for start, kind in FOREIGN.items() if start in name), ""):
        raise WeightsError(
            f"{where}: expected the noise schedule of Stable Diffusion; {name} is of {kind}; "
            "choose another model"
        )
    if config.get("rescale_betas_zero_snr"):
        raise WeightsError(
            "backbone scheduler: zero terminal SNR is not supported: "
            "alpha(T) = 0 has no posterior mean"
        )
    n = config.get("num_train_timesteps")
    if type(n) is not int or not 1 <= n <= LONGEST:
        raise wrong_scheduler(where, f"num_train_timesteps of 1 to {LONGEST}", n)
    if prediction_of(config) not in PREDICTIONS:
        raise wrong_scheduler(
            where, f"prediction_type {' or '.join(PREDICTIONS)}", prediction_of(config)
        )
    _check_betas(config, n, where)


def prediction_of(config: Mapping[str, Any]) -> Any:
    """`epsilon` or `v_prediction`. Old configurations have no entry: epsilon."""
    return config.get("prediction_type", "epsilon")


def noise_schedule(config: Mapping[str, Any], where: str) -> VP:
    """alpha_bar of a checked configuration, from betas as diffusers computes them. `WeightsError`
    for betas that leave no signal.
    """
    from diffusers import DDPMScheduler

    names = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule")
    known = {name: config[name] for name in names if name in config}
    betas = DDPMScheduler(**known, trained_betas=config.get("trained_betas")).betas.double()
    alpha_bar = (1 - betas).cumprod(0)
    if not (bool((betas > 0).all()) and bool(alpha_bar[-1] > 0)):
        raise wrong_scheduler(where, "betas that add noise at every step and leave a signal", known)
    return VP(alpha_bar)


def _check_betas(config: Mapping[str, Any], n: int, where: str) -> None:
    trained = config.get("trained_betas")
    if trained is not None:
        if not (isinstance(trained, list) and len(trained) == n and all(map(_beta, trained))):
            raise wrong_scheduler(where, f"trained_betas: {n} numbers between 0 and 1", trained)
        return
    kind = config.get("beta_schedule")
    if kind not in SCHEDULES:
        raise wrong_scheduler(where, f"beta_schedule, one of {', '.join(SCHEDULES)}", kind)
    ends: list[Any] = [config.get("beta_start"), config.get("beta_end")]
    if kind in BY_BOUNDS and not (all(map(_beta, ends)) and ends == sorted(ends)):
        raise wrong_scheduler(
            where, "0 < beta_start <= beta_end < 1", f"{ends[0]!r} and {ends[1]!r}"
        )


def _beta(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < 1


def wrong_scheduler(where: str, expected: str, got: Any) -> WeightsError:
    """The error for an entry of a scheduler's configuration."""
    text = " ".join(str(got).split())
    return WeightsError(
        f"{where}: expected {expected}; got {text[:80]}{'...' if len(text) > 80 else ''}; "
        "take a complete copy of the model"
    )
