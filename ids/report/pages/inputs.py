"""What the page shows beyond the results themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ids.core.records import EditCase
from ids.core.tensors import Images, Latent
from ids.results.verdict import Verdict
from ids.run.records import EditRecord

Decode = Callable[[EditRecord, Latent], Images]


@dataclass(frozen=True)
class PageInputs:
    """Cases with their images, by digest; the command that makes a setting's results, by the
    setting's key; the verdicts on claims; `decode` (of a result's states, by its backbone). All may
    lack anything: the page then leaves it out and counts it. `decoded` is the number of cases whose
    kept states are decoded, None: by the images' size; `version` that of the package.
    """

    cases: Mapping[str, EditCase] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    decode: Decode | None = None
    decoded: int | None = None
    version: str = ""
