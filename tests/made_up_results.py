"""Results that no method made: records in memory, whose statistics are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ids.core.records import digest_of
from ids.results.catalog import Entry, ResultGroup, backbone_title
from ids.run.records import EditRecord, Manifest, MetricsRecord, MetricValue, Row

UNITS = {"psnr_background": ("dB", True), "latent_distance": ("", None), "success": ("", True)}


@dataclass
class MadeUp:
    """A group of results on `n` cases; case i is `level(i)` better in every setting."""

    n: int = 24
    name: str = "shapes-test-v1"
    backbone: str = "shapes"
    weights: str = "0123456789abcdef"
    entries: list[Entry] = field(default_factory=list)

    def add(
        self,
        method: str,
        psnr: Sequence[float] | float,
        seeds: Sequence[int] = (0,),
        steps: Sequence[int] = (),
        strength: Sequence[float] = (),
        network: str = "",
        **values: object,
    ) -> "MadeUp":
        """A setting: `psnr` per case, or one for all; along `steps` it falls by 1 dB per unit of
        `strength`, which is also `success`.
        """
        for case in range(self.n):
            base = psnr if isinstance(psnr, int | float) else psnr[case]
            level = 10.0 + case % 5
            for seed in seeds:
                record = self._record(method, values, case, seed)
                last = strength[-1] if strength else 0.0
                numbers = {
                    f"psnr_background@1{network}": level + base - last,
                    "success@1": last,
                }
                along = {
                    f"psnr_background@1{network}": [level + base - s for s in strength],
                    "success@1": list(strength),
                }
                found = MetricsRecord(
                    key=record.key,
                    case=f"case{case:02}",
                    values={k: _value(k, v) for k, v in numbers.items()},
                    steps=list(steps),
                    along=along if steps else {},
                )
                self.entries.append(Entry(record, self._row(case), found))
        return self

    def group(self) -> ResultGroup:
        """All of them."""
        rows = [self._row(case) for case in range(self.n)]
        manifest = Manifest(name=self.name, place="", view="", content="", seen=0.0, rows=rows)
        title = backbone_title(self.entries[0].record)
        return ResultGroup(f"{self.name} on {title}", manifest, title, self.entries)

    def _row(self, case: int) -> Row:
        prompts = (f"a red circle {case}", f"a blue circle {case}")
        return Row(id=f"c{case:02}", case=f"case{case:02}", source=f"s{case}", prompts=prompts)

    def _record(
        self, method: str, values: Mapping[str, object], case: int, seed: int
    ) -> EditRecord:
        configured = {key.replace("__", "."): value for key, value in values.items()}
        parts = {"name": method, "values": configured, "weights": self.weights}
        setting = digest_of(parts)
        return EditRecord(
            key=digest_of([setting, case, seed]),
            status="ok",
            name=method,
            setting=setting,
            method=configured,
            backbone_name=self.backbone,
            backbone={"weights": self.weights},
            revisions={},
            code={},
            source=f"s{case}",
            truth=None,
            prompt_src="a red circle",
            prompt_trg="a blue circle",
            words=None,
            seed=seed,
            made=1.0,
        )


def _value(key: str, value: float) -> MetricValue:
    unit, up = UNITS[key.partition("@")[0]]
    return MetricValue(value, unit, up, title=key.partition("@")[0], digits=2)
