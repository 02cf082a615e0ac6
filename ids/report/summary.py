"""What a person sees when a run is over: the table, the contact sheet, what went wrong."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.core.text import printable
from ids.data.image_files import ImageFile
from ids.report.output import write_image
from ids.report.sheet import contact_sheet
from ids.report.table import table
from ids.results.catalog import ResultGroup, join
from ids.results.columns import select_columns
from ids.results.frames import frame, weights_notes
from ids.run.outcomes import RunRecord, read_outcomes
from ids.run.store import Store


def report(folder: Path, output_dir: Path, cases: Sequence[EditCase]) -> int:
    """Print the table of a finished run, write its contact sheet; 1 where an edit failed."""
    console, store, runs = wide_console(), Store(output_dir), read_outcomes(folder)
    worlds = _worlds(runs, store)
    for world in worlds:
        data = select_columns(frame(world.entries, store, broken=world.broken), ())
        notes = (*weights_notes(world.entries, data), *world.notes())
        made = table(world.title, data, notes=notes)
        made.print(console)
        made.write(folder, "table" if len(worlds) == 1 else f"table {world.title}")
    for index, world in enumerate(worlds):
        name = "contact_sheet.png" if not index else f"contact_sheet_{index + 1}.png"
        sheet = contact_sheet(cases, frame(world.entries, store), store, folder / name)
        say(f"contact sheet: {sheet}", console)
    bad = Counter(o.reason for run in runs for o in run.outcomes if o.status != "ok")
    for reason, count in bad.items():
        say(f"{count} not edited: {reason}", console)
    return int(any(o.status == "failed" for run in runs for o in run.outcomes))


def hand_over(
    folder: Path, output_dir: Path, photo: ImageFile, place: Callable[[str], Path]
) -> Path:
    """Write a single edit's image at the photo's size, where `place` of its key says; `DataError`
    where there is none.
    """
    last = read_outcomes(folder)[-1].outcomes[-1]  # the method, after its controls
    if last.status != "ok":
        raise DataError(last.reason)
    out = place(last.key)
    write_image(photo.restore(Store(output_dir).image(last.key)), out)
    return out


def _worlds(runs: Sequence[RunRecord], store: Store) -> list[ResultGroup]:
    """What this run made, by data set and backbone."""
    manifests = {(m.name, m.place, m.view): m for m in (run.manifest for run in runs)}
    keys = dict.fromkeys(o.key for run in runs for o in run.outcomes if o.key)
    records = [look.record for look in (store.look(key, files=False) for key in keys)]
    return join([r for r in records if r], list(manifests.values()), store.numbers)[0]


def wide_console() -> Console:
    """Wide enough for the table even where there is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=230)


def say(text: str, console: Console | None = None) -> None:
    """A line as it is: no markup, no folding, and what does not print as an escape."""
    (console or Console()).print(printable(text), markup=False, highlight=False, soft_wrap=True)
