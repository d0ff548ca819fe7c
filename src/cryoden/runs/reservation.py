"""Whose a run folder is: made for a run, taken over where it holds nothing, and signs that a run lives.

A process number says nothing on another host, and little where numbers are used again. So a run touches a
file in its folder while it lives, and whoever wants to know touches another one beside it: both times are
of one clock, that of the file system.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from cryoden.errors import OutputError, RunError, printable
from cryoden.io.claim import Claim, claim, holder, is_running, this_process
from cryoden.io.leftovers import is_leftover, remove_leftovers

CLAIM = ".claim"
BEAT = 15.0  # s between two signs of life
LASTS = 120.0  # s that one lasts: network file systems show it up to a minute late


def reserve(folder: Path, record: Path) -> Claim:
    """Make the folder, and claim it; what a run left that was killed before it began is taken over.

    Parameters
    ----------
    folder : Path
        Must not exist, or hold nothing.
    record : Path
        What the run writes into it first; from then on it keeps others out.

    Raises
    ------
    OutputError
        O05 when it exists, with whose run it is where that is known; O06 when it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = None if _is_in_use(folder, record) else claim(folder / CLAIM)
    except FileExistsError:
        taken = None
    except OSError as error:
        problem = f"cannot be created: {error.strerror}"
        raise OutputError("O06", folder, problem, fix="Choose another folder") from error
    if taken is not None and _is_in_use(folder, record):  # a whole run came and went meanwhile
        taken.release()
        taken = None
    if taken is None:
        fix = "Choose another folder; a run never replaces a run"
        problem = f"already exists{_owner(folder, record)}"
        raise OutputError("O05", folder, problem, kept="It is untouched", fix=fix)
    remove_leftovers(folder)
    return taken


def reclaim(folder: Path) -> Claim:
    """Claim the folder of a run that is to be resumed, and remove what it was writing when it was killed.

    Raises
    ------
    RunError
        R05 when another process has it.
    """
    taken = claim(folder / CLAIM)
    if taken is None:
        raise in_use(folder, holder(folder / CLAIM) or "another process")
    remove_leftovers(folder)
    return taken


def in_use(folder: Path, who: str) -> RunError:
    """Return what is said of a run that another process has."""
    problem = f"is running: {printable(who)}"
    return RunError("R05", folder, problem, kept="It continues", fix="Stop it first, or wait until it ends")


class Heartbeat:
    """A file that is touched while a run lives.

    Parameters
    ----------
    path : Path
        The file, in the run's folder.
    record : Path
        What the run writes into it, with its process.
    """

    def __init__(self, path: Path, record: Path) -> None:
        self.path, self.record, self._own, self._over = path, record, secrets.token_hex(8), Event()
        self._is_lost = False
        self._thread = Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin; on a full disk there is an empty file, which is as good."""
        with suppress(OSError):
            self.path.write_text(self._own, encoding="ascii")
        self._thread.start()

    def stop(self) -> None:
        """End, and leave no sign; that of another process stays."""
        self._over.set()
        if self._thread.ident is None:
            return
        self._thread.join()
        with suppress(OSError):
            if not self.is_foreign:
                self.path.unlink()

    @property
    def is_foreign(self) -> bool:
        """Whether another process has taken the folder over, as from one that was suspended for long.

        Once it has, this stays so: the other may have ended meanwhile, and left only its record.
        """
        if self._thread.ident is not None and not self._is_lost:  # before its start it is of whoever was here
            self._is_lost = not (_is_signed(self.path, self._own) and _names_this_process(self.record))
        return self._is_lost

    def _beat(self) -> None:
        while not self._over.wait(BEAT) and not self.is_foreign:  # another's is not kept alive
            with suppress(OSError):
                os.utime(self.path)  # by the clock of the file system, not of this host


def this_run() -> dict[str, Any]:
    """Return what distinguishes this process, on this machine and on others, as JSON has it."""
    return this_process() | {"machine": _machine(), "created": psutil.Process().create_time()}


def is_alive(process: Any, heartbeat: Path) -> bool:
    """Return whether a run lives that a process began, as `this_run` described it.

    On its own machine the process is looked up, and whether it still claims the folder: one that lives
    on, as a viewer does, may have found no room for how its run ended. Anywhere else only its sign of
    life counts.
    """
    if isinstance(process, Mapping) and process.get("machine") == _machine():
        claimed = os.path.lexists(heartbeat.with_name(CLAIM))
        return claimed and _is_there(process)  # suspended, it gives no signs, and lives
    silence = seconds_of_silence(heartbeat)
    if silence is None:  # of older versions, or on a disk that was full
        return is_running(process)
    return silence < LASTS


def last_sign(heartbeat: Path) -> str:
    """Return when a run last gave a sign of life, in UTC, in words; empty where there is none."""
    with suppress(OSError):
        return f"{datetime.fromtimestamp(heartbeat.stat().st_mtime, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return ""


def seconds_of_silence(heartbeat: Path) -> float | None:
    """Return the seconds since the last sign of life, by the clock of the file system; ``None`` for none."""
    try:
        with heartbeat.open("rb") as file:  # opened, a network file system asks its server
            last = os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    return max(0.0, _now_in(heartbeat.parent) - last)


def _now_in(folder: Path) -> float:
    probe = folder / f".now-{secrets.token_hex(4)}"
    try:
        with probe.open("xb") as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()  # one may not write there: this clock is all there is
    finally:
        with suppress(OSError):
            probe.unlink()


def _is_there(process: Mapping[str, Any]) -> bool:
    """Return whether a process of this machine exists, and not another that was given its number."""
    with suppress(psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        found = psutil.Process(int(process["pid"]))
        is_it = abs(found.create_time() - float(process["created"])) <= 2
        return bool(is_it and found.status() != psutil.STATUS_ZOMBIE)
    return False


def _is_signed(heartbeat: Path, own: str) -> bool:
    """Return whether no other process has signed it, as far as it can be read."""
    with suppress(OSError, UnicodeDecodeError):
        return heartbeat.read_text(encoding="ascii") in {own, ""}
    return True


def _names_this_process(record: Path) -> bool:
    """Return whether no other process has written the record, as far as it can be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        writer = json.loads(record.read_text(encoding="utf-8"))["process"]
        return bool((writer["pid"], writer["machine"]) == (os.getpid(), _machine()))
    return True


def _machine() -> str:
    """Return what two processes have in common that know each other's numbers."""
    with suppress(OSError):
        booted = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{booted} {Path('/proc/self/ns/pid').readlink()}"
    return f"{this_process()['host']} {sys.platform}"


def _is_in_use(folder: Path, record: Path) -> bool:
    return any(file.name != CLAIM and not is_leftover(file, record) for file in folder.iterdir())


def _owner(folder: Path, record: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(record.read_text(encoding="utf-8"))
        process, state = known["process"], printable(str(known["state"]))
        return f": a run of process {int(process['pid'])} on {printable(str(process['host']))}, {state}"
    preparing = holder(folder / CLAIM)
    return f": a run of {preparing}, preparing" if preparing else ""
