"""Cards as text, Markdown and JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from ids.core.places import create_folder
from ids.core.text import counted
from ids.report.console import say
from ids.report.escape import for_markdown, markdown_paragraph
from ids.results.card import Card, MetricFacts
from ids.results.environments import Counts, in_words

Facts = Mapping[str, str]  # name -> text


def sections(card: Card) -> Iterator[tuple[str, Facts]]:
    """Titles, and the facts under each."""
    data = card.dataset
    made = card.first if card.first == card.last else f"{card.first} to {card.last}"
    yield (
        card.title,
        {
            "made (UTC)": made or "-",
            "edits": _statuses(card.edits),
            "seeds": ", ".join(map(str, card.seeds)) or "none used",
            "editing time": _editing_time(card),
        },
    )
    yield (
        "data set",
        {
            "name": data.name,
            "place": data.place or "generated",
            "images": data.view,
            "digest": data.content,
            "rows": f"{data.rows}, {data.unusable} of them unusable",
            "read (UTC)": data.read,
        },
    )
    if card.backbone:
        yield "backbone", card.backbone
    yield "settings", {label: _statuses(s.edits) for label, s in card.settings.items()}
    yield "values", {label: _values(s.values) for label, s in card.settings.items() if s.values}
    yield "metrics", {key: _metric(facts) for key, facts in card.metrics.items()}
    for what, facts in _places(card).items():
        yield f"environment of the {what}", {name: in_words(c) for name, c in facts.items()}


def print_cards(cards: Sequence[Card], console: Console) -> None:
    """Every section, one fact a line."""
    for card in cards:
        for title, facts in sections(card):
            if facts:
                say(title, console)
                width = min(max(map(len, facts)), 40)
                for name, text in facts.items():
                    say(f"  {name:{width}}  {text}", console)
        for note in card.notes:
            say(f"note: {note}", console)
        say("", console)


def cards_markdown(cards: Sequence[Card]) -> str:
    """A heading per card, and a table per section."""
    parts = []
    for card in cards:
        for index, (title, facts) in enumerate(sections(card)):
            if facts:
                parts.append(f"{'##' if index else '#'} {for_markdown(title)}")
                lines = [f"| {for_markdown(k)} | {for_markdown(v)} |" for k, v in facts.items()]
                parts.append("\n".join(["| fact | value |", "| --- | --- |", *lines]))
        parts += map(markdown_paragraph, card.notes)
    return "\n\n".join(parts) + "\n"


def cards_json(cards: Sequence[Card]) -> str:
    """A list of all facts."""
    return json.dumps([asdict(card) for card in cards], indent=1) + "\n"


def write_cards(cards: Sequence[Card], folder: Path, name: str = "card") -> Path:
    """NAME.md and NAME.json; the path of the former."""
    create_folder(folder)
    (folder / f"{name}.json").write_text(cards_json(cards), encoding="utf-8", newline="")
    (folder / f"{name}.md").write_text(cards_markdown(cards), encoding="utf-8", newline="")
    return folder / f"{name}.md"


def _places(card: Card) -> Mapping[str, Mapping[str, Counts]]:
    """One section where edits and metrics share an environment."""
    first, *others = card.environments.values()
    same = all(other == first for other in others)
    return {" and the ".join(card.environments): first} if same else card.environments


def _statuses(counts: Counts) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items()) or "none"


def _editing_time(card: Card) -> str:
    return f"{card.seconds:.1f} s over {counted(card.timed, 'edit')}" if card.timed else "-"


def _values(values: Facts) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _metric(facts: MetricFacts) -> str:
    """Title, unit, and the numbers of values; revision and weights are in its key."""
    return f"{facts.title}{f' in {facts.unit}' if facts.unit else ''}; {_statuses(facts.values)}"
