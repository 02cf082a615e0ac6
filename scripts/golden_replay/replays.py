"""The replay of each recording."""

from collections.abc import Callable

from golden_replay.direct_inversion import direct_inversion
from golden_replay.editor import method_of
from golden_replay.flow import dvrf, flowedit
from golden_replay.infedit import infedit
from golden_replay.plug_and_play import plug_and_play
from golden_replay.prompt_to_prompt import controllers, sampling
from golden_replay.recording import Golden
from golden_replay.single import cutloss, google_dds, pds_repo, schedule, threestudio_sds
from golden_replay.ssd import stable_score_distillation
from golden_replay.trajectory import trajectory
from golden_replay.verdict import Verdict

Replay = Callable[[Golden, str], Verdict]
FOLDERS: dict[str, Replay] = {  # one replay for all recordings of a folder
    "dvrf": dvrf,
    "flowedit": flowedit,
    "directinversion": direct_inversion,
    "infedit": infedit,
    "ssd": stable_score_distillation,
}
REPLAYS: dict[str, Replay] = {  # recordings that have a replay of their own
    "p2p/controllers": controllers,
    "p2p/sampling": sampling,
    "pnp/pnp": plug_and_play,
    "single/cutloss": cutloss,
    "single/google_dds": google_dds,
    "single/pds_repo": pds_repo,
    "single/schedule": schedule,
    "single/threestudio_sds": threestudio_sds,
}
LOOPS = ("dds", "cds", "ids", "ids_cut")


def replay_for(golden: Golden, name: str) -> Replay | str:
    """The replay of a recording, or the reason why it is skipped."""
    folder, _, stem = name.partition("/")
    if folder == "traj":
        method = method_of(golden.description(name)["hyper"])
        return trajectory if method in LOOPS else f"no loop of {method}"
    return FOLDERS.get(folder) or REPLAYS.get(name) or f"no {stem} yet"
