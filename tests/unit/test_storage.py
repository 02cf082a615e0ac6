"""Errors of the file system: which are tried again, and which end a command."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ids.core import storage
from ids.core.errors import DataError, StorageError
from ids.core.storage import patiently, storage_error, storing


def failing(times: int, error: Exception, calls: list[int]) -> Callable[[], str]:
    def act() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "done"

    return act


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(storage.time, "sleep", found.append)
    return found


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_an_error_that_passes_is_tried_again_later(
    waits: list[float], number: int, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []
    assert patiently(failing(3, OSError(number, os.strerror(number), "x"), calls)) == "done"
    assert (len(calls), waits) == (4, [1.0, 4.0, 16.0])
    assert f"{os.strerror(number)}: 'x'; tried again in 16 s" in caplog.text


def test_tries_are_bounded(waits: list[float]) -> None:
    calls: list[int] = []
    with pytest.raises(OSError, match="5"):
        patiently(failing(99, OSError(errno.EIO, "5"), calls))
    assert len(calls) == 4


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.ENOENT, errno.EACCES])
def test_other_errors_are_raised_at_once(waits: list[float], number: int) -> None:
    calls: list[int] = []
    with pytest.raises(OSError, match="no"):
        patiently(failing(99, OSError(number, "no"), calls))
    assert (len(calls), waits) == (1, [])


def test_an_error_with_such_a_cause_may_pass(waits: list[float]) -> None:
    """As of an image on a file server."""
    error = DataError("image.png: expected a readable image file")
    error.__cause__ = OSError(errno.EIO, "Input/output error")
    assert patiently(failing(1, error, [])) == "done"
    calls: list[int] = []
    with pytest.raises(DataError):
        patiently(failing(1, DataError("image.png: expected an image"), calls))
    assert len(calls) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_takes_no_files_is_named(tmp_path: Path, number: int) -> None:
    with pytest.raises(StorageError) as raised, storing(tmp_path):
        raise OSError(number, os.strerror(number), str(tmp_path / "partial" / "x"))
    assert str(raised.value).startswith(f"{tmp_path}: expected a disk that takes files; ")
    elsewhere = storage_error(OSError(number, "", "/elsewhere/x"), tmp_path)
    assert str(elsewhere).startswith("/elsewhere/x: expected")
    with pytest.raises(PermissionError), storing(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")
