"""What a store holds, to compare runs."""

import json
from pathlib import Path
from typing import Any

from ids.run import Store


def content(store: Store) -> dict[str, Any]:
    """Everything that must not depend on the process or the time."""
    found = {}
    for key in store.all_keys():
        look = store.look(key, content=True)
        assert look.record is not None, look.problem
        metrics = {}
        for path in sorted(store.folder(key).glob("metrics-*.json")):
            values = json.loads(path.read_text())["values"]
            metrics[path.name] = {name: round(v["value"], 3) for name, v in values.items()}
        found[key] = (look.status, (store.folder(key) / "edit.png").read_bytes(), metrics)
    return found


def leftovers(store: Store) -> list[Path]:
    places = (store.root / name for name in ("claims", "partial", "aside"))
    return [path for place in places for path in place.rglob("*")]
