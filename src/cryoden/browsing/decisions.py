"""What was decided about exposures, on disk at once, and by several people at the same time.

A journal: each decision is one line of JSON at the end of a file, written and forced to disk before it
counts. So what a killed process leaves is at most a last line that is not whole, which is passed over; and
two viewers on one acquisition, which both only append, lose nothing of each other: of one exposure the
later decision is valid.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from cryoden.errors import HalvesError, OutputError

Verdict = Literal["", "accepted", "rejected"]
NAME = "cryoden_decisions.jsonl"
HEAD = b'{"format": "cryoden decisions", "version": 1}\n'
MOST_LINE = 1 << 16  # bytes
LONGEST_NOTE = 2000  # letters


@dataclass(frozen=True)
class Decision:
    """What holds of one exposure: a verdict, empty where there is none, and a note."""

    verdict: Verdict = ""
    note: str = ""


UNDECIDED = Decision()


def journal_of(source: Path) -> Path:
    """Return where the decisions on a source lie: in its folder, or beside the list, with its name."""
    return source / NAME if source.is_dir() else source.with_name(f"{source.stem}_decisions.jsonl")


class Decisions:
    """The decisions on the exposures of one source; see the module.

    Parameters
    ----------
    path : Path
        The journal; made with the first decision.

    Raises
    ------
    HalvesError
        D01 for a file of this name that is no journal of decisions.
    OutputError
        O06 when it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, Decision] = {}
        self._done: list[tuple[str, Decision, Decision]] = []  # here: of what, before, and after
        self._read = 0
        self.refresh()

    def of(self, name: str) -> Decision:
        """Return what holds of an exposure."""
        return self._known.get(name, UNDECIDED)

    def refresh(self) -> set[str]:
        """Take in what others have appended, and return the names of the exposures it is about."""
        try:
            if not self.path.exists():
                return set()
            with self.path.open("rb") as file:
                file.seek(self._read)
                return self._take(file.read())
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
            raise OutputError("O06", self.path, problem, fix="Check the folder's permissions") from error

    def decide(self, name: str, verdict: Verdict | None = None, note: str | None = None) -> Decision:
        """Change verdict or note of an exposure; it is on disk when this returns.

        Raises
        ------
        OutputError
            O06 when the file cannot be written; what held before still holds.
        """
        self.refresh()
        before = self.of(name)
        after = Decision(
            before.verdict if verdict is None else verdict,
            before.note if note is None else " ".join(note.split())[:LONGEST_NOTE],
        )
        if after != before:
            self._append(name, after)
            self._done.append((name, before, after))
        return after

    def undo(self) -> str | None:
        """Take the last decision made here back, and return whose it was; ``None`` where there is none.

        One that somebody has changed since is left as it is, and the one before is taken.
        """
        self.refresh()
        while self._done:
            name, before, after = self._done[-1]
            if self.of(name) == after:
                self._append(name, before)
                self._done.pop()
                return name
            self._done.pop()
        return None

    def counts(self) -> dict[Verdict, int]:
        """Return how many exposures have which verdict, those without one left out."""
        found: dict[Verdict, int] = {"accepted": 0, "rejected": 0}
        for decision in self._known.values():
            if decision.verdict:
                found[decision.verdict] += 1
        return found

    def _append(self, name: str, decision: Decision) -> None:
        try:
            with _locked(self.path) as descriptor:
                os.write(
                    descriptor, _begin(descriptor) + _line({"name": name} | asdict(decision) | _signed())
                )
                os.fsync(descriptor)
        except OSError as error:
            problem = f"the decision could not be saved: {error.strerror}"
            fix = "Choose a file for decisions in a folder you may write to"
            raise OutputError("O06", self.path, problem, kept="Nothing was changed", fix=fix) from error
        self.refresh()

    def _take(self, data: bytes) -> set[str]:
        """Take whole lines; the rest is read again when it is whole."""
        if self._read == 0 and not data.startswith(HEAD[: len(data)]):
            problem, fix = "holds no decisions of this program", "Choose another file for decisions"
            raise HalvesError("D01", self.path, problem, kept="It is untouched", fix=fix)
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        changed = set()
        for line in whole.splitlines():
            found = _decision(line)
            if found is not None:
                self._known[found[0]] = found[1]
                changed.add(found[0])
        return changed


def _decision(line: bytes) -> tuple[str, Decision] | None:
    """Return what a line says; ``None`` for one that is not whole, or of another version."""
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(line) if len(line) < MOST_LINE else None
    if not isinstance(said, dict):
        return None
    name, verdict, note = (said.get(key) for key in ("name", "verdict", "note"))
    known = next((one for one in get_args(Verdict) if one == verdict), None)
    if known is None or not isinstance(name, str) or not isinstance(note, str):
        return None
    return name, Decision(known, note)


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=True).encode() + b"\n"


def _begin(descriptor: int) -> bytes:
    """Return what must stand before the next line: the head of an empty file, the end of a line cut short."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return HEAD
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return b"" if os.read(descriptor, 1) == b"\n" else b"\n"


def _signed() -> dict[str, str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may have no name for its user
        user = "unknown"
    return {"by": f"{user}@{socket.gethostname()}", "at": datetime.now(UTC).isoformat(timespec="seconds")}


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open a file for appending, alone where files can be locked: over a network, appending needs it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with suppress(ImportError, OSError):
            import fcntl  # noqa: PLC0415  absent on Windows

            fcntl.lockf(descriptor, fcntl.LOCK_EX)  # ends when the file is closed
        yield descriptor
    finally:
        os.close(descriptor)
