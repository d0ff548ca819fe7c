from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cryoden.errors import MicrographError
from cryoden.io import retrying
from cryoden.io.mrc_header import unreadable


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "PAUSES", (0, 0, 0))


def failing(path: Path, times: int, number: int) -> Callable[[], bytes]:
    """Return what reads a file, but fails so many times before."""
    left = iter(range(times))

    def read() -> bytes:
        if next(left, None) is not None:
            error = OSError(number, os.strerror(number))
            raise unreadable(path, error) from error
        return path.read_bytes()

    return retrying.retried(read)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_share_that_fails_three_times_is_read_the_fourth_time(tmp_path: Path, number: int) -> None:
    (tmp_path / "m.mrc").write_bytes(b"pixels")
    assert failing(tmp_path / "m.mrc", 3, number)() == b"pixels"


def test_one_that_stays_away_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(MicrographError, match=r"F49 .*/m\.mrc — cannot be read: Stale file handle"):
        failing(tmp_path / "m.mrc", 4, errno.ESTALE)()


def test_what_does_not_pass_is_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "m.mrc").write_bytes(b"pixels")
    read = failing(tmp_path / "m.mrc", 1, errno.ENOENT)
    with pytest.raises(MicrographError, match="F49"):
        read()
    assert read() == b"pixels"
