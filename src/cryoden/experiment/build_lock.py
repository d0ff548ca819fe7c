"""The folder a data set is built in: one builder at a time, one plan, room on the disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from cryoden.errors import OutputError, PatchFileError
from cryoden.experiment.index import INDEX, SHARDS, Layout, damaged, same_plan
from cryoden.io import typed_json
from cryoden.io.atomic import atomic_write

PLAN = "plan.json"
UNTOUCHED = "It is untouched"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other builders out of the folder; the system ends the claim of one that is killed.

    Raises
    ------
    PatchFileError
        Q05 when another process is building in it.
    """
    with _locked(folder):
        _remove_leftovers(folder)
        yield


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with ExitStack() as opened:
        with suppress(OSError):  # on Windows, and some network shares, no folder can be opened
            descriptor = os.open(folder, os.O_RDONLY)
            opened.callback(os.close, descriptor)
            _lock(descriptor, folder)
        yield


def _lock(descriptor: int, folder: Path) -> None:
    try:
        import fcntl  # noqa: PLC0415
    except ImportError:  # on Windows
        return

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        problem, fix = (
            "another process is building a data set in it",
            "Wait until it ends, or choose another folder",
        )
        raise PatchFileError("Q05", folder, problem, kept=UNTOUCHED, fix=fix) from None
    except OSError:  # a file system that cannot lock; two builders write the same bytes anyway
        return


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed builds left half-written: each may be as large as a file of pairs."""
    kinds = (f".{SHARDS}.*.part", f".{PLAN}.*.part", f".{INDEX}.*.part")
    for file in (file for kind in kinds for file in folder.glob(kind)):
        file.unlink(missing_ok=True)


def agree(folder: Path, plan: Mapping[str, Any]) -> list[int] | None:
    """Note the plan, or make sure that it is what is in the folder.

    Returns
    -------
    list of int or None
        Checksums of the pairs, where the data set was finished before.

    Raises
    ------
    PatchFileError
        Q05 when the folder holds a data set of other micrographs or settings, or its beginning;
        Q02 when what it holds cannot be read.
    """
    for name in (INDEX, PLAN):
        there = _read(folder / name)
        if there is not None and not _planned(there, plan):
            state = "a finished data set" if name == INDEX else "an unfinished data set"
            problem = f"contains {state} of other micrographs or settings"
            raise PatchFileError("Q05", folder, problem, kept=UNTOUCHED, fix="Choose another folder")
        if there is not None:
            sums = there.get("crc32")
            is_whole = isinstance(sums, list) and len(sums) == plan["pairs"]
            return sums if is_whole else None
    if any(folder.glob(SHARDS)):
        problem = "contains pairs, but neither index nor plan"
        raise PatchFileError("Q05", folder, problem, kept=UNTOUCHED, fix="Choose another folder")
    return None


def note(folder: Path, plan: Mapping[str, Any]) -> None:
    """Write the plan."""
    with atomic_write(folder / PLAN, overwrite=True) as temporary:
        temporary.write_text(json.dumps(plan, indent=1), encoding="utf-8")


def refuse_too_little_room(layout: Layout, folder: Path) -> None:
    """Raise O02 when what is missing is more than the disk has free."""
    there = sum(file.stat().st_size for file in folder.glob(SHARDS))
    needed = layout.pairs * layout.pair_bytes - there
    free = shutil.disk_usage(folder).free
    if needed > free:
        problem = f"needs {needed / 1e9:,.2f} GB, {free / 1e9:,.2f} GB are free"
        fix = "Choose another disk, a larger stride, or float16; or train without writing patches"
        raise OutputError("O02", folder, problem, kept="Nothing was written", fix=fix)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return typed_json.read(path)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise damaged(path, str(error)) from None


def _planned(there: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    with suppress(KeyError, TypeError, AttributeError):
        return same_plan({name: there[name] for name in plan}, plan)
    return False
