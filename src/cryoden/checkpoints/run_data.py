"""Which files a run learns from, how they are opened again, and whether they are still the same.

A file is the same if its size and time are, or its size and three short samples, as of a copy. Pixels of a
layer that came from a file are the same if all of them are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from cryoden.checkpoints.differences import changed
from cryoden.errors import CryodenError, RunError, printable
from cryoden.formats.micrographs import open_micrograph
from cryoden.formats.names import is_tiff
from cryoden.io import mrc, typed_json
from cryoden.io.atomic import atomic_write
from cryoden.io.mrc_windows import MicrographFile
from cryoden.micrograph import Micrograph, Windowed
from cryoden.settings.reading import ReadingSettings

NAME = "data.json"
HEADER = 1024  # bytes, before the pixels of an MRC file
SAMPLE, THREADS = 1 << 14, 8  # bytes at the beginning, in the middle and at the end
SHOWN = 3


@dataclass(frozen=True)
class FileFacts:
    """What is known of one file; ``pixels`` is a hash of all of them, where they were in memory."""

    path: str
    size: int = 0
    modified: int = 0
    sample: str = ""
    section: int = 0
    pixel_size: float | None = None
    pixels: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return printable(Path(self.path).name)

    def same_bytes(self, other: FileFacts) -> bool:
        """Return whether both have the same content, by all that is known of it."""
        if self.size != other.size or self.pixels != other.pixels:
            return False
        return self.modified == other.modified or self.sample == other.sample


@dataclass(frozen=True)
class RunData:
    """Files in the order in which they are used, and what says how they are used.

    Parameters
    ----------
    kind : str
        "noise2noise" and "supervised" for pairs of noisy and target, or "baseline".
    files : list of FileFacts
        All of them; of pairs the noisy one, its target, the next noisy one, …
    reading : mapping
        How they are opened.
    patches : mapping
        How pairs of the experiment are cut.
    """

    kind: str
    files: list[FileFacts]
    reading: dict[str, Any] = field(default_factory=dict)
    patches: dict[str, Any] = field(default_factory=dict)

    def differences(self, now: RunData) -> list[str]:
        """Return in words how the data are others now."""
        values = [changed(of, to) for of, to in ((self.reading, now.reading), (self.patches, now.patches))]
        kinds = [f"data: {self.kind} then, {now.kind} now"] if self.kind != now.kind else []
        return [*kinds, *(one for some in values for one in some), *_files(self.files, now.files)]

    def pairs(self) -> list[tuple[Windowed, Windowed]]:
        """Open the pairs again.

        Raises
        ------
        RunError
            R07 for a file that is gone.
        CryodenError
            For files that cannot be read.
        """
        opened = [_opened(one, ReadingSettings(**self.reading)) for one in self.files]
        return list(zip(opened[::2], opened[1::2], strict=True))


def is_on_disk(micrographs: Sequence[Windowed]) -> bool:
    """Return whether all of them have a file from which they can be had again."""
    return all(one.path is not None for one in micrographs)


def described(micrographs: Sequence[Windowed], kind: str, reading: ReadingSettings | None = None) -> RunData:
    """Return what has to be known of the micrographs of a run.

    Raises
    ------
    RunError
        R07 for a file that is gone.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="facts") as pool:
        return RunData(kind, list(pool.map(_facts, micrographs)), asdict(reading or ReadingSettings()))


def of_files(paths: Sequence[Path], patches: Mapping[str, Any], reading: Mapping[str, Any]) -> RunData:
    """Return what has to be known of the files of the experiment; errors as of `described`."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="facts") as pool:
        return RunData("baseline", list(pool.map(_sampled, paths)), dict(reading), dict(patches))


def write_data(data: RunData, folder: Path) -> None:
    """Write it beside the checkpoints; errors as of `cryoden.io.atomic.atomic_write`."""
    with atomic_write(folder / NAME, overwrite=True) as temporary:
        temporary.write_text(json.dumps(asdict(data)), encoding="utf-8")


def read_data(folder: Path) -> RunData:
    """Read it.

    Raises
    ------
    RunError
        R02 when it is damaged, R04 when it is not there.
    """
    path = folder / NAME
    try:
        return typed_json.as_type(RunData, typed_json.read(path))
    except FileNotFoundError:
        raise RunError("R04", path, "does not exist", fix="Copy the whole folder") from None
    except ValueError as error:
        raise RunError("R02", path, f"damaged: {error}", fix="Copy it again") from None


def _facts(one: Windowed) -> FileFacts:
    assert one.path is not None  # noqa: S101  see `is_on_disk`
    found = replace(_sampled(one.path), pixel_size=one.pixel_size)
    if isinstance(one, MicrographFile):
        first = 0 if is_tiff(one.path) else HEADER + one.facts.extended_bytes
        before = one.facts.data_offset - first
        return replace(found, section=max(0, before // max(1, one.facts.section_bytes)))
    pixels = hashlib.sha256(one.window(0, 0, *one.shape).tobytes()).hexdigest()
    return replace(found, pixels=pixels)


def _sampled(path: Path) -> FileFacts:
    digest = hashlib.sha256()
    try:
        found = path.stat()
        with path.open("rb") as file:
            _add_samples(digest, file, found.st_size)
    except OSError as error:
        raise _gone(path, error.strerror or str(error)) from error
    return FileFacts(str(path.absolute()), found.st_size, found.st_mtime_ns, digest.hexdigest())


def _add_samples(digest: Any, file: BinaryIO, size: int) -> None:
    for at in (0, size // 2, max(0, size - SAMPLE)):
        file.seek(at)
        digest.update(file.read(SAMPLE))


def _opened(one: FileFacts, reading: ReadingSettings) -> Windowed:
    path = Path(one.path)
    if not path.is_file():
        raise _gone(path, "no longer exists")
    file = open_micrograph(
        path,
        pixel_size=one.pixel_size,
        section=one.section,
        mode0=reading.mode0,
        assume_no_extended_header=reading.assume_no_ext_header,
    )
    if not one.pixels:
        return file
    found = mrc.whole(file)
    return Micrograph(found.data, one.pixel_size, found.name, path)


def _files(then: Sequence[FileFacts], now: Sequence[FileFacts]) -> Iterator[str]:
    """Yield what has become of the files, each difference once."""
    before, after = [one.name for one in then], [one.name for one in now]
    if len(then) != len(now):
        yield f"files: {len(then):,} then, {len(now):,} now"
    for words, some, others in (("missing", before, set(after)), ("new", after, set(before))):
        if names := [name for name in some if name not in others]:
            yield f"{words}: {_listed(names)}"
    if before == after:
        yield from (_changed(*pair) for pair in zip(then, now, strict=True) if not _alike(*pair))
    elif sorted(before) == sorted(after):
        yield "files: in another order"


def _alike(then: FileFacts, now: FileFacts) -> bool:
    return then.same_bytes(now) and (then.section, then.pixel_size) == (now.section, now.pixel_size)


def _changed(then: FileFacts, now: FileFacts) -> str:
    known = {name: (getattr(then, name), getattr(now, name)) for name in ("size", "section", "pixel_size")}
    words = [
        f"{name} {before} then, {after} now" for name, (before, after) in known.items() if before != after
    ]
    return f"{then.name}: {', '.join(words) or 'other pixels or header'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _gone(path: Path, problem: str) -> CryodenError:
    fix = "Put it back, or name the data of the run with --halves, or --noisy and --target"
    return RunError("R07", path, problem, kept="The run is untouched", fix=fix)
