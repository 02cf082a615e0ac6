"""A run in float64 and in float32 against all numbers that were recorded of it."""

from collections.abc import Collection, Mapping

from torch import Tensor

from golden_replay.recording import Worst
from golden_replay.verdict import EXACT, Verdict

NATIVE = "f32."  # the prefix of the authors' run in float32


def compare_runs(
    stored: Mapping[str, Tensor],
    exact: Mapping[str, Tensor],
    single: Mapping[str, Tensor],
    limits: Mapping[str, float],
    aside: Collection[str] = (),
) -> Verdict:
    """Our values of both precisions by the keys of the recording. Float64: all to 1e-9. Float32, by
    the last part of a key: those that have a limit, against the authors' float64 and, where it
    was recorded, their float32. Numbers that nothing compares are unknown, those `aside` excepted.
    """
    worst, rounded, unknown = Worst(), Worst(), set[str]()
    for key, recorded in stored.items():
        plain = key.removeprefix(NATIVE)
        short, native = plain.rpartition(".")[2], key != plain
        in_single = short in limits and plain in single
        if in_single:
            rounded.compare(f"{short} {'native ' * native}f32", single[plain], recorded)
        if not native and key in exact:
            worst.compare(short, exact[key], recorded)
        elif not (native and in_single) and short not in aside:
            unknown.add(key)
    bounds = {name: limits[name.split()[0]] for name in rounded.errors}
    allowed = dict.fromkeys(worst.errors, EXACT) | bounds
    return Verdict(worst.errors | rounded.errors, allowed, tuple(sorted(unknown)))
