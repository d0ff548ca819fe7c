"""Writing a data set of patch pairs, shard by shard; what was stopped goes on where it was."""

from __future__ import annotations

import json
import shutil
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import OutputError, PatchFileError
from cryoden.experiment.recipe import PatchPairs
from cryoden.experiment.store import INDEX, Layout, index_text, shard_name
from cryoden.outputs import make_folder
from cryoden.provenance import versions
from cryoden.publish import publishing

PLAN = "plan.json"
THREADS, AHEAD = 4, 8


@dataclass(frozen=True)
class ShardFinished:
    """One file of pairs is whole; ``made`` is false when an earlier build had left it."""

    number: int
    total: int
    pairs: int
    made: bool


@dataclass(frozen=True)
class BuildFinished:
    """The data set is whole."""

    folder: Path
    pairs: int
    bytes: int


BuildEvent = ShardFinished | BuildFinished


def build(pairs: PatchPairs, folder: Path) -> Iterator[BuildEvent]:
    """Write all pairs into a folder.

    A build that was killed leaves whole files only, and the same call goes on; the bytes are the
    same as those of a build that was never stopped.

    Yields
    ------
    BuildEvent
        ``ShardFinished`` for each file, then ``BuildFinished``.

    Raises
    ------
    PatchFileError
        P05 when the folder holds a data set, or the beginning of another one.
    OutputError
        O02 when the disk has too little room, O06 when the folder cannot be made.
    """
    layout = Layout(len(pairs), pairs.settings.shard, pairs.edge, pairs.settings.dtype)
    make_folder(folder)
    _begin(pairs, layout, folder)
    sums: list[int] = []
    for number in range(layout.shards):
        made, found = _shard(pairs, layout, folder, number)
        sums += found
        yield ShardFinished(number, layout.shards, len(found), made)
    with publishing(folder / INDEX) as temporary:
        more = _origin(pairs) | {"crc32": sums, "versions": versions()}
        temporary.write_text(index_text(layout, pairs.settings, more), encoding="utf-8")
    (folder / PLAN).unlink(missing_ok=True)
    yield BuildFinished(folder, layout.pairs, layout.pairs * layout.pair_bytes)


def _begin(pairs: PatchPairs, layout: Layout, folder: Path) -> None:
    """Note what is being built, or make sure that it is what was begun here."""
    if (folder / INDEX).exists():
        fix = "Choose another folder, or look at it with cryoden patches info"
        raise PatchFileError(
            "P05", folder, "holds a finished data set already", kept="It is untouched", fix=fix
        )
    plan = index_text(layout, pairs.settings, _origin(pairs))
    begun = None
    with suppress(OSError):
        begun = (folder / PLAN).read_text(encoding="utf-8")
    if begun is not None and json.loads(begun) != json.loads(plan):
        problem = "holds the beginning of a data set of other micrographs or settings"
        raise PatchFileError("P05", folder, problem, kept="It is untouched", fix="Choose another folder")
    _refuse_too_little_room(layout, folder)
    with publishing(folder / PLAN, overwrite=True) as temporary:
        temporary.write_text(plan, encoding="utf-8")


def _origin(pairs: PatchPairs) -> dict[str, Any]:
    sources = []
    for micrograph in pairs.micrographs:
        stat = micrograph.path.stat() if micrograph.path else None
        known = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns} if stat else {}
        sources.append({"path": str(micrograph.path or micrograph.name), **known})
    return {"kind": pairs.kind, "sources": sources}


def _refuse_too_little_room(layout: Layout, folder: Path) -> None:
    there = sum(file.stat().st_size for file in folder.glob(shard_name(0).replace("00000", "*")))
    needed = layout.pairs * layout.pair_bytes - there
    free = shutil.disk_usage(folder).free
    if needed > free:
        problem = f"needs {needed / 2**30:,.1f} GiB, {free / 2**30:,.1f} GiB are free"
        fix = "Choose another disk, a greater stride, or float16; or train without writing patches"
        raise OutputError("O02", folder, problem, kept="Nothing was written", fix=fix)


def _shard(pairs: PatchPairs, layout: Layout, folder: Path, number: int) -> tuple[bool, list[int]]:
    """Make a file of pairs, or take the one that is there; return whether, and its checksums."""
    path, chosen = folder / shard_name(number), layout.of_shard(number)
    if path.is_file() and path.stat().st_size == len(chosen) * layout.pair_bytes:
        return False, list(_sums(path, layout))
    sums = []
    with publishing(path, overwrite=True) as temporary, temporary.open("wb") as file:
        for stored in _made(pairs, layout, chosen):
            sums.append(zlib.crc32(stored.data))
            file.write(stored.data)
    return True, sums


def _made(pairs: PatchPairs, layout: Layout, chosen: range) -> Iterator[NDArray[Any]]:
    """Yield pairs in order, made by threads a few ahead."""

    def make(index: int) -> NDArray[Any]:
        return np.stack(pairs.pair(index)).astype(layout.stored)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="patches") as pool:
        waiting = deque(pool.submit(make, index) for index in chosen[:AHEAD])
        for index in chosen[AHEAD:]:
            yield waiting.popleft().result()
            waiting.append(pool.submit(make, index))
        yield from (future.result() for future in waiting)


def _sums(path: Path, layout: Layout) -> Iterator[int]:
    with path.open("rb") as file:
        while data := file.read(layout.pair_bytes):
            yield zlib.crc32(data)


def summary(folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Return what a finished data set is, as ``cryoden patches info`` tells it."""
    layout = Layout(*(about[name] for name in ("pairs", "shard", "edge", "dtype")))
    return {
        "folder": str(folder),
        "pairs": layout.pairs,
        "patch": f"{layout.edge} × {layout.edge} px",
        "format": layout.dtype,
        "files": layout.shards,
        "size": f"{layout.pairs * layout.pair_bytes / 1e9:,.2f} GB",
        "kind": about.get("kind", ""),
        "micrographs": len(about.get("sources", [])),
    } | {name: value for name, value in about["settings"].items() if name not in {"patch", "dtype", "shard"}}
