"""One process at a time: a claim on a file or a folder, which ends with the process that holds it.

A claim is a small hidden file that names its process and is locked while it lasts. The system drops
the lock of a killed process, so what it leaves is no claim any more. Where files cannot be locked,
the claim of a process that no longer runs on this machine is not valid.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from cryoden.errors import printable

ENDING = ".claim"
# Where others write, too, a link of this name would have its target emptied, and a pipe be waited for.
GUARDED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
LASTS = 24 * 3600  # s; without locks, nobody sees whether a process of another machine still runs


class Claim:
    """A claim that is held; ends when it is released, or with its process.

    Parameters
    ----------
    path : Path
        The claim's own file.
    descriptor : int
        Of that file, locked where files can be.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the claim up; once more does nothing."""
        if self._descriptor < 0:
            return
        is_own, later = self._is_own(), os.name != "nt"
        if not later:  # an open file cannot be removed there
            os.close(self._descriptor)
        with suppress(OSError):
            if is_own:
                self.path.unlink()  # while it is locked: another's claim is never removed
        if later:
            with suppress(OSError):  # of what was written: it must not hide how the work ended
                os.close(self._descriptor)
        self._descriptor = -1

    def _is_own(self) -> bool:
        """Return whether the file is this claim's: of another machine, a process may have signed it, too."""
        return _is_at(self._descriptor, self.path) and _read(self.path) in (None, this_process())


def beside(path: Path) -> Path:
    """Return where the claim on a result lies: hidden, in the same folder."""
    room = 255 - len(ENDING) - 1  # bytes of a name, on every common file system
    return path.with_name("." + os.fsdecode(os.fsencode(path.name)[:room]) + ENDING)


def claim(path: Path) -> Claim | None:
    """Take the claim whose file this is; ``None`` where another holds it.

    Raises
    ------
    OSError
        When the file cannot be made, or is a link, of whatever kind, or no file.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | GUARDED, 0o666)
        try:
            _refuse_other_things(descriptor, path)
            free = _is_free(descriptor, path)
            current = free and _is_at(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        if current:
            _sign(descriptor)
            return Claim(path, descriptor)
        os.close(descriptor)
        if not free:
            return None


def _refuse_other_things(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise OSError(errno.EINVAL, "is a link or no file", str(path))


def _sign(descriptor: int) -> None:
    with suppress(OSError):  # on a full disk only the lock says it
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(this_process()).encode())


def release(path: Path) -> None:
    """Remove a claim that nobody holds any more; another file of such a name is no claim."""
    with suppress(OSError):
        held = claim(path) if path.is_file() and _is_claim(path) else None
        if held is not None:
            held.release()


def _is_claim(path: Path) -> bool:
    """Whether a process has signed it, or could not, as the disk was full."""
    signed = _read(path)
    return path.stat().st_size == 0 or (isinstance(signed, dict) and signed.keys() == this_process().keys())


def this_process() -> dict[str, Any]:
    """Return what tells this process from all others, as JSON has it."""
    return {"pid": os.getpid(), "host": socket.gethostname()}


def is_running(process: Any) -> bool:
    """Tell whether a process that `this_process` described runs; one of another machine may."""
    try:
        pid, host = int(process["pid"]), process["host"]
    except (TypeError, KeyError, ValueError):
        return False
    return bool(host != socket.gethostname() or (0 <= pid < 1 << 31 and psutil.pid_exists(pid)))


def holder(path: Path) -> str:
    """Return in words whose claim it is, nothing where it does not say."""
    process = _read(path)
    if not isinstance(process, dict) or not {"pid", "host"} <= set(process):
        return ""
    return f"process {printable(str(process['pid']))} on {printable(str(process['host']))}"


def _is_free(descriptor: int, path: Path) -> bool:
    """Lock the file, or, where there are no locks, tell whether its process has ended."""
    locked = _lock(descriptor)
    if locked is not None:
        return locked
    return not is_running(_read(path)) or time.time() - os.fstat(descriptor).st_mtime > LASTS


def _lock(descriptor: int) -> bool | None:
    """Tell whether the lock could be had; ``None`` where files cannot be locked."""
    try:
        import fcntl  # noqa: PLC0415  # absent on Windows
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether the open file is the one of this name, which whoever released it has removed."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _read(path: Path) -> Any:
    with (
        suppress(OSError, ValueError, RecursionError),
        os.fdopen(os.open(path, os.O_RDONLY | GUARDED), "rb") as file,
    ):
        return json.loads(file.read(4096))
    return None
