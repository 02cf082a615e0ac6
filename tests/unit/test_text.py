"""Foreign text on a terminal, and unexpected errors."""

import errno
from pathlib import Path

import pytest

from ids.core.errors import DataError
from ids.core.text import counted, printable
from ids.core.unexpected import interrupted, line, unexpected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a cat, ein Bär, 犬 🐻", "a cat, ein Bär, 犬 🐻"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("one\ntwo\r\tthree\x07", r"one\ntwo\r\tthree\x07"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("a\u2028b\u2066c\x9bd\ufeff", r"a\u2028b\u2066c\x9bd\ufeff"),
        ("lone \udce9", r"lone \udce9"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    shown.encode()


def test_an_error_is_one_line() -> None:
    assert str(DataError("photo\n\x1b[2J.png: no image")) == r"photo\n\x1b[2J.png: no image"


def test_the_traceback_of_an_unexpected_error_is_in_the_folder(tmp_path: Path) -> None:
    try:
        _broken()
    except TypeError as error:
        message = line(unexpected(error, tmp_path / "run"))
        elsewhere = line(unexpected(error))
    assert message == (
        f"unexpected TypeError: no such thing; the traceback is in {tmp_path}/run/traceback.txt"
    )
    assert "_broken" in (tmp_path / "run" / "traceback.txt").read_text()
    file = Path(elsewhere.rpartition(" ")[2])
    assert "_broken" in file.read_text()
    file.unlink()


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/x/y.png")
    assert line(unexpected(error, tmp_path)).startswith("StorageError: /x/y.png: expected a disk")
    assert not list(tmp_path.iterdir())


def test_a_swallowed_signal_is_recognized() -> None:
    swallowed = ImportError("as compiled modules do")
    swallowed.__context__ = KeyboardInterrupt()
    assert interrupted(swallowed)
    assert not interrupted(ValueError())


def _broken() -> None:
    raise TypeError("no such thing\nsecond line")


def test_numbers_agree_with_their_nouns() -> None:
    assert [counted(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert counted(1, "row repeats", "rows repeat") == "1 row repeats"
