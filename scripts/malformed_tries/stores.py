"""Stores with damaged, foreign, newer, misplaced or older files: a rerun and the table continue,
and the numbers are those of an intact store.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from malformed_tries.place import Place
from malformed_tries.trying import Accepted, Seen, Setup, Try

WORDS = ("run", "debug=fast", "controls=none", "method=dds", "method.n_steps=2", "keep_every=1")
FILES = {
    "job.json": "results/*/*/job.json",
    "edit.png": "results/*/*/edit.png",
    "edit.safetensors": "results/*/*/edit.safetensors",
    "metrics": "results/*/*/metrics-*.json",
    "source": "sources/*/*",
    "measurement": "measurements/*/*.json",
    "data set": "datasets/*.json",
    "mirrored": "mirrored/*.json",
}
Damage = Callable[[Path], object]


def flip(path: Path) -> None:
    """One bit in the middle of the file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def resealed(**fields: object) -> Damage:
    """A record with other fields and a right checksum."""

    def damage(path: Path) -> None:
        from hashlib import sha256

        record = json.loads(path.read_text()) | fields
        del record["sha256"]
        body = json.dumps(record)[1:]
        digest = sha256(body.encode()).hexdigest()
        path.write_text(f'{{"sha256":"{digest}",{body}')

    return damage


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES: dict[str, Damage] = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "emptied": lambda path: path.write_bytes(b""),
    "one bit flipped": flip,
    "deleted": Path.unlink,
    "replaced": lambda path: path.write_text('{"schema_version": 2}'),
    "a folder in its place": a_folder,
    "a link in its place": a_link,
}
RECORDS: dict[str, Damage] = {
    "a newer schema": resealed(schema_version=99),
    "an unknown status": resealed(status="splendid"),
    "a field unknown": resealed(mood="good"),
    "of another key": resealed(key="0" * 32),
    "NaN": lambda path: path.write_text('{"schema_version": NaN}'),
    "deep JSON": lambda path: path.write_text("[" * 100_000),
}


def damaged(pattern: str, damage: Damage) -> Setup:
    def setup(place: Place) -> None:
        place.must(*WORDS)
        damage(sorted((place.folder / "outputs").glob(pattern))[0])

    return setup


def healed(seen: Seen) -> str | None:
    """Numbers and edits are those of an intact store."""
    place = seen.place
    place.must(*WORDS, "output_dir=right")
    stores = [place.numbers("--output-dir", root) for root in ("outputs", "right")]
    names = ("id", "key", "status", "psnr", "psnr_background", "latent_distance")
    found = [[{n: row.get(n) for n in names} for row in rows] for rows in stores]
    if found[0] != found[1] or len(found[0]) != 2:
        return f"{found[0]} instead of {found[1]}"
    states = len(place.numbers("--states"))
    return None if states == 6 else f"{states} states instead of 3 per edit"


def tabled(seen: Seen) -> str | None:
    """The table of the damaged store has no number that differs from an intact store's."""
    place = seen.place
    right = place.must(*WORDS, "output_dir=right")
    numbers = {row["key"]: row for row in place.numbers("--output-dir", "right")}
    for row in place.numbers():
        for name in ("psnr", "latent_distance"):
            if row.get(name) not in (None, numbers[row["key"]][name]):
                return f"{name} {row[name]} instead of {numbers[row['key']][name]}"
    return None if right.out else "no table"


def moved(place: Place) -> None:
    """A result under the key of another."""
    place.must(*WORDS)
    one, other = sorted((place.folder / "outputs").glob("results/*/*"))
    shutil.rmtree(other)
    shutil.copytree(one, other)


def strangers(place: Place) -> None:
    """Files of other programs everywhere."""
    place.must(*WORDS)
    for folder in [p for p in (place.folder / "outputs").rglob("*") if p.is_dir()]:
        (folder / ".DS_Store").write_bytes(b"\0\0")
        (folder / "Thumbs.db").write_bytes(b"x")


def old(place: Place) -> None:
    """Of version 0.1: a record without a schema."""
    folder = place.folder / "outputs/results/ab" / f"ab{0:030}"
    folder.mkdir(parents=True)
    record = {"identity": {"setting": "x"}, "name": "dds", "status": "ok", "case": "c"}
    (folder / "job.json").write_text(json.dumps(record))
    (folder / "env.json").write_text("{}")
    (folder / "metrics.json").write_text('{"psnr@1": 99.0}')


def tries() -> Sequence[Try]:
    rerun, table = Accepted(healed), Accepted(tabled)
    found = []
    for what, pattern in FILES.items():
        for how, damage in DAMAGES.items():
            setup = damaged(pattern, damage)
            found.append(Try("store, rerun", f"{what}: {how}", WORDS, rerun, setup))
    for how, damage in RECORDS.items():
        for what in ("job.json", "metrics"):
            setup = damaged(FILES[what], damage)
            found.append(Try("store, rerun", f"{what}: {how}", WORDS, rerun, setup))
    for how, damage in DAMAGES.items():
        for what in ("job.json", "metrics"):
            setup = damaged(FILES[what], damage)
            found.append(Try("store, table", f"{what}: {how}", ("table",), table, setup))
    for how, damage in RECORDS.items():
        setup = damaged(FILES["job.json"], damage)
        found.append(Try("store, table", f"job.json: {how}", ("table",), table, setup))
    found += [
        Try("store, rerun", "a result under another's key", WORDS, rerun, moved),
        Try("store, rerun", "files of other programs", WORDS, rerun, strangers),
        Try("store, rerun", "version 0.1", WORDS, rerun, old),
        Try("store, table", "files of other programs", ("table",), table, strangers),
    ]
    return found
