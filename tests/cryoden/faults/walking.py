"""Runs a command again and again, each time with another call of the system that fails.

    FAILING_DISK=/folder LD_PRELOAD=failing_disk.so \\
        python -m tests.cryoden.faults.walking COMMAND MOST [FAULT ...]

Prints a line of JSON for each fault: how many calls there are, at how many of them it was made to fail,
and what should not have happened. ``MOST`` limits the calls that are tried, 0 for each of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import io
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import mrcfile

from cryoden.checkpoints.checkpoint_file import read as _state
from cryoden.io import retrying
from cryoden.model import checkpoint
from cryoden.runs.record import read
from tests.cryoden.faults.commands import COMMANDS, Command

OPEN, WRITE, FLUSH, RENAME, REMOVE, MAKE, CLOSE, READ = (1 << bit for bit in range(8))
KILL, HALF = -1, -2
WRITES = OPEN | WRITE | FLUSH | RENAME | MAKE | CLOSE
# With the file; or with those of several pairs, each with its code.
LINE = re.compile(r"(?:^|: |  )[A-Z]\d\d  (?:/\S+ — |\d+ of .+ \([A-Z]\d\d \S+\.mrc ).+\. .+\.", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """What happens at a call: an error, once or from then on, a half write, or death."""

    number: int
    kinds: int
    stays: bool = False
    harmless: bool = False


FAULTS = {
    "full": Fault(errno.ENOSPC, WRITES, stays=True),
    "full once": Fault(errno.ENOSPC, WRITES),
    "quota": Fault(errno.EDQUOT, WRITES),
    "broken": Fault(errno.EIO, WRITES | REMOVE | READ),
    "broken for good": Fault(errno.EIO, WRITES | REMOVE | READ, stays=True),
    "read-only": Fault(errno.EROFS, OPEN | MAKE | RENAME | REMOVE, stays=True),
    "forbidden": Fault(errno.EACCES, OPEN | MAKE | RENAME | READ),
    "stale": Fault(errno.ESTALE, WRITES | READ),
    "interrupted": Fault(errno.EINTR, OPEN | WRITE | FLUSH | READ, harmless=True),
    "half": Fault(HALF, WRITE, harmless=True),
    "killed": Fault(KILL, WRITES | REMOVE),
}


@dataclass
class Walk:
    """One command on a disk with one kind of fault."""

    folder: Path
    command: Command
    fault: Fault
    found: list[str] = field(default_factory=list)
    tried: int = 0
    calls: int = 0

    def __post_init__(self) -> None:
        self._disk = ctypes.CDLL(None)
        self._disk.failing.restype = ctypes.c_char_p
        self._disk.calls.restype = ctypes.c_long
        self._disk.arm.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_int]
        self._inputs = state(self.folder)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def walk(self, most: int, first: float) -> None:
        """Fail at the first call, the second …, or at no more than so many of them."""
        self._count()
        step = max(1, -(-self.calls // most)) if most else 1
        for n in range(1 + int(first * step), self.calls + 1, step):
            self.tried += 1
            self._at(n)

    def _count(self) -> None:
        """Run it on a disk that is well."""
        clear(self.command, self.out)
        self._run(1 << 40)
        self.calls, self._whole = int(self._disk.calls()), contents(self.out)

    def _at(self, n: int) -> None:
        clear(self.command, self.out)
        # What one process cannot remove the next one does.
        apart = self.fault.stays or self.fault.kinds & REMOVE
        self._failed = ""
        status, words = self._in_another_process(n) if apart else self._run(n)
        self._failed = self._failed or self._failing()
        where = f"call {n}, {self._failed}: "
        self.found += [where + problem for problem in self._problems(status, words)]
        if self.command.repeats:
            self._run(0)
            self.found += [where + "once more, " + problem for problem in self._incomplete()]

    def _run(self, n: int) -> tuple[int, str]:
        """Run the command; the n-th call fails."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            self._disk.arm(n, self.fault.number, self.fault.kinds, self.fault.stays)
            try:
                status = self.command.run(self.folder)
            except BaseException as error:  # noqa: BLE001  whatever comes out is a finding
                status = -1
                said.write(f"{type(error).__name__}: {error}")
            self._disk.arm(0, 0, 0, 0) if n < 1 << 40 else None
        return status, said.getvalue()

    def _in_another_process(self, n: int) -> tuple[int, str]:
        """Run the command in a process that may die; its name of the failing call is remembered here."""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.write(writing, json.dumps([*self._run(n), self._failing()]).encode()[-60_000:])
            os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as pipe:
            status, words, self._failed = json.loads(pipe.read() or '[1, "", "killed"]')
        return status, words

    def _failing(self) -> str:
        return str(self._disk.failing().decode())

    def _problems(self, status: int, words: str) -> Iterator[str]:
        killed = self.fault.number == KILL
        if state(self.folder) != self._inputs:
            yield "an input has changed"
        yield from (f"{name} is not whole" for name in self._unfinished())
        if not status or killed:
            left = () if killed else self._incomplete()
            yield from (f"exit status 0, {one}" for one in left if not self._may_be_left(one))
            return
        if self.fault.harmless:
            yield f"exit status {status}: {words.strip()!r}"
        elif not LINE.search(words) or "Traceback" in words or "G03" in words:
            yield f"exit status {status}, said {words.strip()!r}"
        if not self.fault.stays and not self._failed.startswith("unlink"):
            yield from self._left_behind()
        if threading.active_count() > 1:
            yield f"threads are left: {threading.enumerate()}"

    def _may_be_left(self, problem: str) -> bool:
        """Whether the next process removes what this one could not."""
        left = ".claim was left", ".part was left", "heartbeat is not"
        return bool(self.fault.kinds & REMOVE) and any(map(problem.count, left))

    def _partial(self) -> Iterator[str]:
        return (name for name, data in contents(self.out).items() if not self._is_whole(name, data))

    def _unfinished(self) -> Iterator[str]:
        return (name for name in self._partial() if name not in self.command.unfinished)

    def _is_whole(self, name: str, data: bytes) -> bool:
        return is_whole(self.command, self.out / name, data, self._whole.get(name))

    def _left_behind(self) -> Iterator[str]:
        return (f"{name} was left behind" for name in hidden(self.out) if not self._is_spared(name))

    def _is_spared(self, name: str) -> bool:
        return any(fnmatch(name.removeprefix("."), pattern) for pattern in self.command.spared)

    def _incomplete(self) -> Iterator[str]:
        there = contents(self.out)
        missing = self._whole.keys() - there.keys()
        yield from (f"{name} is missing" for name in missing if not self._is_spared(name))
        yield from (f"{name} is not whole" for name in self._partial())
        yield from self._left_behind()


def clear(command: Command, out: Path) -> None:
    """Remove all results."""
    shutil.rmtree(out, ignore_errors=True)
    if command.into:
        out.mkdir()


def is_whole(command: Command, path: Path, data: bytes, expected: bytes | None) -> bool:
    """Whether a result is what is expected of a command that nothing went wrong with."""
    return data == expected or (not command.exact and readable(path))


def readable(path: Path) -> bool:
    """Whether a file that has times in it is a whole one of its kind."""
    with contextlib.suppress(Exception):
        return READABLE[path.suffix](path)
    return False


def _arrays(path: Path) -> bool:
    return bool(_state(path).arrays if path.parent.name == "checkpoints" else checkpoint.load(path).weights)


def _values(path: Path) -> bool:
    return bool(read(path.parent).name if path.name == "run.json" else json.loads(path.read_text()))


def _table(path: Path) -> bool:
    """Tell whether it has a head: it is appended to, and on a full disk may have been made and no more."""
    return path.read_text().startswith("step,") or not path.stat().st_size


READABLE: dict[str, Callable[[Path], bool]] = {
    ".safetensors": _arrays,
    ".json": _values,
    ".mrc": lambda path: bool(mrcfile.validate(path)),
    ".csv": _table,
    ".html": lambda path: path.read_text().endswith("</html>\n"),
    ".md": lambda path: path.read_text().endswith(".\n"),
    ".png": lambda path: path.read_bytes().endswith(b"IEND\xaeB`\x82"),
}


def state(folder: Path) -> dict[str, Any]:
    """Return what must stay as it is: bytes, time and number of each file but results."""
    files = [path for path in folder.rglob("*") if path.is_file() and "out" not in path.parts]
    return {
        str(path): (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns, path.stat().st_ino)
        for path in files
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files that anybody sees."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    seen = {name: path for name, path in files.items() if not any(part[0] == "." for part in name.parts)}
    return {str(name): path.read_bytes() for name, path in seen.items()}


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


def main(arguments: list[str]) -> None:
    """Walk, and print what was found."""
    folder, command = Path(os.environ["FAILING_DISK"]), COMMANDS[arguments[0]]
    os.chdir(folder)
    retrying.PAUSES = (0, 0, 0)  # no seconds
    command.inputs(folder)
    Walk(folder, command, Fault(0, 0)).walk(1, 0)  # what is imported and kept is so from now on
    names = arguments[2:] or list(FAULTS)
    for number, name in enumerate(names):
        walk = Walk(folder, command, FAULTS[name])
        walk.walk(int(arguments[1]), number / len(names))
        about = {"fault": name, "calls": walk.calls, "tried": walk.tried, "found": walk.found}
        print(json.dumps(about), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
