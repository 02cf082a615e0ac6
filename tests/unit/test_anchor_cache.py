"""Kept source halves: bounded, whole or absent, and safe for several processes."""

import logging
import multiprocessing
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from status_tools import FAST, run

from ids.core.anchor_rows import AnchorRows
from ids.core.records import Anchor, Draw
from ids.core.rng import Streams
from ids.run import CacheLimits, Store
from ids.run.anchor_cache import Levels, MemoryCache, Named
from ids.run.anchor_files import LAYOUT, FileCache, checksum

NAMES = [f"{n:02}-name" for n in range(40)]


def row(value: float = 0.0, n: int = 1000, features: bool = False) -> AnchorRows:
    """An anchor of one row and n numbers, on refined noise, with a log and a part."""
    draw = Draw(torch.tensor([500]), torch.zeros(1, 1, 1, 1), Streams(("a",)))
    reference = torch.full((1, 1, 1, n), float(value))
    part = Anchor(draw, reference, features={"site": reference} if features else {})
    anchor = Anchor(draw, reference, logs={"l": torch.tensor([float(value)])}, parts={"dds": part})
    return AnchorRows.of(anchor, draw)


def value(found: AnchorRows | None) -> float | None:
    return None if found is None else float(found.tensors[found.layout["reference"]].mean())


def test_memory_is_bounded_and_keeps_what_was_used_last() -> None:
    cache = MemoryCache(10 * row().n_bytes)
    for n, name in enumerate(NAMES[:10]):
        cache.put(name, row(n))
    assert value(cache.get(NAMES[0])) == 0
    cache.put(NAMES[10], row(10))
    assert [value(cache.get(name)) for name in NAMES[:3]] == [0, None, 2]
    cache.put("large", row(0, 10**6))
    assert cache.get("large") is None
    assert value(cache.get(NAMES[10])) == 10


def test_a_file_gives_the_row_back(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10**6)
    cache.put("ab-0", row(3.5))
    found, wanted = FileCache(tmp_path, 10**6).get("ab-0"), row(3.5)
    assert found is not None
    assert found.layout == wanted.layout
    assert all(torch.equal(found.tensors[name], x) for name, x in wanted.tensors.items())
    draw = Draw(torch.tensor([7]), torch.ones(1, 1, 1, 1), Streams(("b",)))
    anchor = found.anchor(draw)
    assert anchor.parts["dds"].reference is anchor.reference
    assert anchor.parts["dds"].draw.t is draw.t


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "flipped":
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    elif how == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("how", ["flipped", "cut", "empty"])
def test_a_damaged_file_is_missing_and_written_again(tmp_path: Path, how: str) -> None:
    cache = FileCache(tmp_path, 10**6)
    cache.put("ab-0", row(1))
    damage(tmp_path / "ab" / "ab-0.anchor", how)
    assert cache.get("ab-0") is None
    cache.put("ab-0", row(2))
    assert value(cache.get("ab-0")) == 2


@pytest.mark.parametrize(
    "layout",
    [
        b"{}",
        b"[",
        b'{"draw": ["t", "eps", null], "reference": "9", "features": {}, "logs": {}, "parts": {}}',
    ],
)
def test_a_foreign_file_is_missing(tmp_path: Path, layout: bytes) -> None:
    """Its checksum is right, and its content is no row."""
    text = torch.frombuffer(bytearray(layout), dtype=torch.uint8)
    body = save({"0": torch.zeros(1, 1), LAYOUT: text})
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "ab-0.anchor").write_bytes(checksum("ab-0", body) + body)
    assert FileCache(tmp_path, 10**6).get("ab-0") is None


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_files_are_bounded_and_what_was_used_last_stays(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 60_000)  # about ten rows
    for n, name in enumerate(NAMES):
        cache.put(name, row(n))
        old = 10**9 * n
        os.utime(tmp_path / name[:2] / f"{name}.anchor", ns=(old, old))
        assert value(cache.get(NAMES[0])) == 0  # it is used now
        assert size(tmp_path) <= 60_000 + 6_000
    kept = [name for name in NAMES if cache.get(name) is not None]
    assert kept[0] == NAMES[0]
    assert kept[1:] == NAMES[-len(kept) + 1 :]
    assert 5 < len(kept) < 15


def test_feature_maps_and_what_is_not_finite_never_go_to_disk(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10**6)
    cache.put("ab-0", row(features=True))
    cache.put("ab-1", row(float("nan")))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_takes_no_files_ends_the_cache_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    cache = FileCache(tmp_path / "file", 10**6)
    with caplog.at_level(logging.WARNING):
        for name in NAMES[:3]:
            cache.put(name, row())
            assert cache.get(name) is None
    assert len(caplog.records) == 1


def killed(folder: str) -> None:
    """Dies between the two halves of a file."""
    from ids.run import files

    def half(path: Path, content: bytes) -> None:
        path.write_bytes(content[: len(content) // 2])
        os._exit(9)

    files.write = half  # type: ignore[assignment]
    FileCache(Path(folder), 60_000).put(NAMES[0], row(1))


def many(folder: str, first: int) -> None:
    """Writes and reads all names; exits with 1 where one is not what it should be."""
    cache = FileCache(Path(folder), 60_000)
    for _ in range(2):
        for n in range(len(NAMES)):
            name = NAMES[(first + n) % len(NAMES)]
            if value(cache.get(name)) not in (None, float(name[:2])):
                os._exit(1)
            cache.put(name, row(float(name[:2])))
    os._exit(0)


def test_a_process_that_is_killed_leaves_no_row(tmp_path: Path) -> None:
    child = multiprocessing.get_context("fork").Process(target=killed, args=(str(tmp_path),))
    child.start()
    child.join()
    assert child.exitcode == 9
    (left,) = (path for path in tmp_path.rglob("*") if path.is_file())
    os.utime(left, (0, 0))
    cache = FileCache(tmp_path, 60_000)
    assert cache.get(NAMES[0]) is None
    for name in NAMES:
        cache.put(name, row(float(name[:2])))
    assert not left.exists()  # as any file that is not used


def test_processes_share_a_folder(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=many, args=(str(tmp_path), first)) for first in (0, 20)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    assert size(tmp_path) <= 60_000 * (1 + 2 / 16) + 6_000


def test_levels_fill_the_faster_one_and_prefixes_keep_apart(tmp_path: Path) -> None:
    memory, disk = MemoryCache(10**6), FileCache(tmp_path, 10**6)
    one, other = (Named(Levels([memory, disk]), prefix) for prefix in ("aa", "bb"))
    disk.put("aa-0", row(4))
    assert value(one.get("-0")) == 4
    assert value(memory.get("aa-0")) == 4
    assert other.get("-0") is None
    other.put("-0", row(5))
    assert [value(disk.get(name)) for name in ("aa-0", "bb-0")] == [4, 5]


def test_limits() -> None:
    with pytest.raises(ValueError, match=r"engine\.cache\.disk_mb: expected 0 or more; got -1"):
        CacheLimits(disk_mb=-1)
    assert CacheLimits().below(Path("out")).folder == "out/cache"
    assert not CacheLimits(0, 0).open().levels


def nfe(store: Store) -> list[float]:
    """Of each edit, in the order in which they were made, by engine."""
    taken = store.numbers.measurements().values()
    return [r.forwards + r.backwards for r in sorted(taken, key=lambda r: r.taken)]


SWEEP = (*FAST, "method=dds", "limit=1", "engine.anchors=shared")


def test_settings_of_a_sweep_share_source_halves(tmp_path: Path) -> None:
    """Learning rates: the first pays for the source; a longer edit for its last steps."""
    out = f"output_dir={tmp_path}"
    assert not run(*SWEEP, out, "method.optimizer.lr=0.1,0.2,0.3").failed
    assert nfe(Store(tmp_path)) == [2 * 4, 2 * 2, 2 * 2]
    other = tmp_path / "other"
    words = [word for word in SWEEP if "n_steps" not in word]
    assert not run(*words, f"output_dir={other}", "method.n_steps=2,5").failed
    assert nfe(Store(other)) == [2 * 4, 5 * 4 - 2 * 2]
    assert not (tmp_path / "cache").exists()


def test_commands_share_source_halves_on_disk(tmp_path: Path) -> None:
    out = (f"output_dir={tmp_path}", "engine.cache.disk_mb=10")
    for word in ("optimizer.lr=0.1", "optimizer.lr=0.2", "guidance_scale=3.0"):
        assert not run(*SWEEP, *out, f"method.{word}").failed
    assert nfe(Store(tmp_path)) == [2 * 4, 2 * 2, 2 * 2]
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(kept) == 2 * (2 + 2)  # a step: two source halves, predictions for two prompts


def test_measurements_say_whether_source_halves_were_shared(tmp_path: Path) -> None:
    """A step that finds its source half costs another time: no column mixes them."""
    for number, anchors in enumerate(("inline", "ahead", "shared")):
        words = (*FAST, "limit=1", "method=dds", f"engine.anchors={anchors}")
        assert not run(*words, f"output_dir={tmp_path}", f"seeds=[{number}]").failed
    numbers = Store(tmp_path).numbers
    found = {
        record.engine.get("anchors")
        for engine in numbers.engines()
        for record in numbers.measurements(engine).values()
    }
    assert found == {None, "ahead", "shared"}
    assert len(numbers.engines()) == 3
