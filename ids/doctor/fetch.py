"""Weights to the places where they are looked for, their digests checked first. Used by
`scripts/fetch_weights.py`, on a machine with internet access.
"""

import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ids.config.check import nearest
from ids.config.sources import find_sources
from ids.core.errors import ConfigError, WeightsError
from ids.core.needed import NeededFile
from ids.core.weight_files import one_line
from ids.doctor.hub import SCHEME, fetch_hub, hub_size
from ids.doctor.presets import PRESETS, is_damaged, needed_files, size_text

GROUPS = {"backbone": "backbone", "metrics": "metrics", "metric": "metrics", "clip": "metrics"}
LOCAL = ("127.0.0.1", "localhost")  # the only hosts that need no TLS
CHUNK = 2**20
PATIENCE = 30  # seconds without an answer


@dataclass(frozen=True)
class Plan:
    """A file of a preset, and whether it is to be fetched: it is missing, or damaged."""

    part: str
    file: NeededFile
    wanted: bool

    def describe(self) -> str:
        """What, from where, to where."""
        file = self.file
        if not self.wanted:
            return f"found: {self.part}: {file.what}, {file.place}"
        return f"{self.part}: {file.what}, from {file.url or 'no known address'}, to {file.place}"


def plan(presets: Sequence[str]) -> list[Plan]:
    """The files of presets (`pie`, `sd15`) and of words of `ids run` (`metrics=pie`), each once.
    No network access. `ConfigError` for an unknown one.
    """
    found: dict[NeededFile, str] = {}
    for words in _settings(presets):
        for part, file in needed_files(words, _parts(words)):
            found.setdefault(file, part)
    return [Plan(part, f, not f.found or is_damaged(f)) for f, part in found.items()]


def fetch(file: NeededFile) -> None:
    """Fetch a file to its place: complete and with its digest, or not at all. `WeightsError` where
    that fails; a download that broke off is continued by the next call.
    """
    if file.url.startswith(SCHEME):
        fetch_hub(file.url, file.sha256)
    elif file.url.startswith(("https://", "http://")) and Path(file.place).is_absolute():
        download(file.url, Path(file.place), file.sha256)
    else:
        raise WeightsError(
            f"{file.place}: expected an address to fetch it; got none; {file.remedy}"
        )


def remote_size(file: NeededFile) -> str:
    """Its size at its address, such as `233.1 MB`; `size unknown` where that does not answer."""
    try:
        if file.url.startswith(SCHEME):
            return size_text(hub_size(file.url))
        with _opened(file.url, method="HEAD") as answer:
            return size_text(int(answer.headers["Content-Length"]))
    except (WeightsError, KeyError, TypeError, ValueError):
        return "size unknown"


def download(url: str, target: Path, sha256: str) -> None:
    """A file by https, beside its place as NAME.partial until its size and digest (or the beginning
    of it) are right. `WeightsError` as `fetch`.
    """
    partial = target.with_name(f"{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, partial)
        _check_digest(url, partial, sha256)
        os.replace(partial, target)
    except OSError as error:
        raise WeightsError(
            f"{target}: expected a place for a file; got {one_line(error)}; free some space, or "
            "change the folder's permissions"
        ) from error


def _receive(url: str, partial: Path) -> None:
    """Append what is missing. A server that cannot continue sends the whole file."""
    have = partial.stat().st_size if partial.is_file() else 0
    with _opened(url, headers={"Range": f"bytes={have}-"} if have else {}) as answer:
        resumed = answer.status == 206
        done = have if resumed else 0
        total = done + int(answer.headers.get("Content-Length") or 0)
        with partial.open("ab" if resumed else "wb") as stream:
            for chunk in _chunks(answer):
                stream.write(chunk)
                done += len(chunk)
    if done < total:
        raise WeightsError(
            f"{url}: expected {total} bytes; the connection broke off after {done}; run the "
            "command again to continue"
        )


def _chunks(answer: Any) -> Iterator[bytes]:
    """Until the end, or until the connection breaks."""
    while True:
        try:
            chunk = answer.read(CHUNK)
        except (OSError, ValueError):
            return
        if not chunk:
            return
        yield chunk


def _check_digest(url: str, partial: Path, sha256: str) -> None:
    with partial.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if not digest.startswith(sha256):
        partial.unlink()
        raise WeightsError(
            f"{url}: expected a file of SHA-256 {sha256}; got {digest[: len(sha256)]}, which was "
            "removed; try again, and compare with what its publisher gives"
        )


def _opened(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> Any:
    """The answer of a server. `WeightsError` where none comes, or it is not encrypted."""
    _check_scheme(url)
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code == 416 and headers:  # a complete file, or one that has changed since
            return _opened(url, method)
        raise _unreachable(url, f"the server answers {error.code} {error.reason}") from error
    except (urllib.error.URLError, OSError) as error:
        raise _unreachable(url, one_line(error)) from error
    _check_scheme(answer.geturl())  # after redirections
    return answer


def _check_scheme(url: str) -> None:
    address = urlsplit(url)
    if address.scheme != "https" and address.hostname not in LOCAL:
        raise WeightsError(
            f"{url}: expected an https address; got {address.scheme}; fetch it by hand"
        )


def _unreachable(url: str, reason: str) -> WeightsError:
    return WeightsError(
        f"{url}: expected an answer; got none ({reason}); run this on a machine with internet "
        "access, with --to FOLDER, and copy the folder"
    )


def _settings(presets: Sequence[str]) -> list[list[str]]:
    """Words per configuration: one per preset, and one of all words."""
    words = [preset for preset in presets if "=" in preset]
    return [*(_preset(p) for p in presets if "=" not in p), *([words] if words else [])]


def _parts(words: Sequence[str]) -> list[str]:
    """The parts of a configuration that the words choose: `clip=` and `+metric=` are of metrics."""
    keys = (re.split("[.@=]", word.lstrip("+~"))[0] for word in words)
    chosen = {GROUPS[key] for key in keys if key in GROUPS}
    return [part for part in PRESETS if part in chosen] or list(PRESETS)


def _preset(name: str) -> list[str]:
    """`metrics=pie` of `pie`."""
    sources = find_sources()
    groups = [group for group in PRESETS if name in sources.options(group)]
    if not groups:
        known = [option for group in PRESETS for option in sources.options(group)]
        raise ConfigError(
            f"{name[:60]}: expected a preset or words of `ids run`; got neither; "
            f"{nearest(name, sorted(set(known)))}"
        )
    return [f"{group}={name}" for group in groups]
