"""Claims: small checked statements about methods, one yaml each, whose verdicts the store gives."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ids.core.errors import ConfigError
from ids.results.verdict import Direction

Kind = Literal["equal settings", "matched edit strength", "equal cost", "trend"]
PACKAGE = Path(__file__).resolve().parents[1]
COST = "nfe"  # the axis of equal cost


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim about the paired difference `ours` - `theirs` of a metric.

    `ours` and `theirs` are a method and values its settings must have, as in `ids guidance_scale=3`
    (`scale=1.0|0.2165`: one of them). Every fitting comparison counts: the claim holds where all of
    them hold.
    """

    statement: str  # one sentence
    by: Literal["paper", "ids"]
    kind: Kind
    ours: str
    theirs: list[str] = []  # none in a trend
    over: str = ""  # trend: the number along which settings of `ours` differ
    at: dict[str, float | list[float]] = {}  # axis of edit strength -> level; the first with values
    knobs: dict[str, str] = {}  # what a method's curve runs along, as `ids table --knob`
    may_differ: list[str] = []  # equal settings: values that need not be equal
    metric: str
    direction: Direction
    smallest: float  # the smallest effect that matters, in units of the metric
    cases: int = 20  # at least
    data: list[str] = []  # how names of data sets begin; every data set if none is given
    command: str  # makes the results that it needs
    paper: str = ""  # the paper's numbers and their source

    @property
    def where(self) -> str:
        """What is held equal, in words."""
        return f"over {self.over}" if self.kind == "trend" else f"at {self.kind}"

    def levels(self, axis: str) -> list[float]:
        """The levels of this axis."""
        found = self.at[axis]
        return found if isinstance(found, list) else [found]


def package_claims() -> Path:
    """The claims of this package, in a checkout or installed."""
    home = PACKAGE if (PACKAGE / "claims").is_dir() else PACKAGE.parent
    return home / "claims"


def read_claims(folders: Sequence[Path]) -> dict[str, Claim]:
    """All claims of the folders by name, the file's without .yaml. `ConfigError` for a folder
    without claims, a file that is no claim, and a name that is taken.
    """
    found: dict[str, Claim] = {}
    for folder in folders:
        files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
        if not files:
            raise ConfigError(
                f"--claims {folder}: expected a folder of claims, as NAME.yaml; found none; check "
                "the path"
            )
        for file in files:
            if file.stem in found:
                raise ConfigError(
                    f"{file}: expected a name that is free; got a second claim {file.stem}; "
                    "rename the file"
                )
            found[file.stem] = read_claim(file)
    return found


def read_claim(file: Path) -> Claim:
    """The claim of one file; `ConfigError` in one line for a file that is none."""
    try:
        claim = msgspec.yaml.decode(file.read_bytes(), type=Claim)
    except OSError as error:
        raise ConfigError(
            f"{file}: expected a claim; got {error.strerror}; check the file"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        lines = str(error).split()
        raise ConfigError(
            f"{file}: expected a claim; got {' '.join(lines)}; see docs/claims.md"
        ) from error
    for expected, got in _mistakes(claim):
        raise ConfigError(f"{file}: expected {expected}; got {got}; change it")
    return claim


def method_of(spec: str) -> str:
    """`ids` of `ids guidance_scale=3`; empty for an empty one."""
    return next(iter(spec.split()), "")


def _mistakes(claim: Claim) -> Iterator[tuple[str, object]]:
    """What was expected, and what is in the file."""
    for spec in (claim.ours, *claim.theirs):
        words = spec.split()
        if not words or "=" in words[0] or not all("=" in word for word in words[1:]):
            yield "a method and its conditions, as in `ids guidance_scale=3`", repr(spec)
    trend, matched = claim.kind == "trend", claim.kind in get_args(Kind)[1:3]
    for name, empty in (("statement", not claim.statement.strip()), ("command", not claim.command)):
        if empty:
            yield f"a {name}", "none"
    if trend != bool(claim.over) or trend == bool(claim.theirs):
        yield "`over` in a trend alone, and `theirs` in all other kinds", f"kind {claim.kind}"
    if matched != bool(claim.at):
        yield "levels `at` an axis at matched edit strength or equal cost alone", claim.at or "none"
    if claim.kind == "equal cost" and set(claim.at) != {COST}:
        yield f"levels of {COST}", ", ".join(claim.at)
    if trend and claim.direction == "equal":
        yield "direction higher or lower in a trend", claim.direction
    yield from _wrong_numbers(claim)


def _wrong_numbers(claim: Claim) -> Iterator[tuple[str, object]]:
    if not 0 < claim.smallest < math.inf:
        yield "a smallest effect above 0", claim.smallest
    if claim.cases < 2:
        yield "two cases or more", claim.cases
    for axis in claim.at:
        if not claim.levels(axis) or not all(map(math.isfinite, claim.levels(axis))):
            yield f"finite levels of {axis}", claim.at[axis]


def by_whom(claims: Mapping[str, Claim], whom: str) -> dict[str, Claim]:
    """Those of the paper or of ids; all of them for an empty `whom`."""
    return {name: claim for name, claim in claims.items() if not whom or claim.by == whom}
