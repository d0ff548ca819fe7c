"""Where the results of a batch go: one name for each micrograph, the tree of folders kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Literal

from cryoden.dataset.folder_walk import left_out_below, micrographs_below
from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.half_sums import Halves, PlannedFiles, added_up, each, in_common_folder, of_list
from cryoden.dataset.listed_files import is_list, micrographs_of
from cryoden.errors import DiskFullError, OutputError, SettingsError, printable
from cryoden.formats.names import is_tiff, result_suffix, stem_of
from cryoden.io.leftovers import remove_leftovers


class Targets(dict[Path, Path]):
    """For each micrograph where its result goes; the sum of two halves is known by the even one.

    Parameters
    ----------
    targets : mapping of Path
        By micrograph.
    pairs : mapping of Path to HalfFiles
        The halves of sums, by the even one.
    alone : collection of Path
        Halves whose partner is not there, and may still come.
    summed : mapping of Path to HalfFiles
        Halves that are left out, by their full sum that is there.
    """

    def __init__(
        self,
        targets: Mapping[Path, Path],
        pairs: Mapping[Path, HalfFiles] | None = None,
        alone: Collection[Path] = (),
        summed: Mapping[Path, HalfFiles] | None = None,
    ) -> None:
        super().__init__(targets)
        self.pairs, self.alone, self.summed = pairs or {}, alone, summed or {}

    @classmethod
    def of(cls, targets: Mapping[Path, Path]) -> Targets:
        """Return targets as they are, or those of single micrographs."""
        return targets if isinstance(targets, Targets) else cls(targets)

    def only(self, chosen: Collection[Path]) -> Targets:
        """Return those of some micrographs."""
        return Targets({path: self[path] for path in chosen}, self.pairs, self.alone, self.summed)

    def files(self, path: Path) -> tuple[Path, ...]:
        """Return the files that a micrograph is made of."""
        pair = self.pairs.get(path)
        return (pair.even, pair.odd) if pair else (path,)


def results(
    paths: Sequence[Path],
    output: Path,
    ending: str = "_denoised",
    *,
    left_out: tuple[str, ...] = (),
    wanted: Literal["auto", "mrc", "tiff"] = "mrc",
    halves: Halves = "each",
) -> Targets:
    """Return for each micrograph among files, folders and lists where its result goes.

    A file gives ``<stem><ending>`` with the suffix of its format in the output folder; below a folder the
    tree is kept, and of the files in a list, the tree below the folder they have in common.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders, and lists of RELION or cryoSPARC.
    output : Path
        Folder of the results; what lies in it is no input when it lies below another folder.
    ending : str
        What distinguishes the name of a result from that of its input.
    left_out : tuple of str
        Endings of names, without suffix, that are passed over below folders.
    wanted : {"auto", "mrc", "tiff"}
        Format of the results, with ``"auto"`` that of each input.
    halves : {"sum", "each"}
        With ``"sum"`` two halves have one result, whose name says neither half nor the folders ``even`` and
        ``odd``; where their full sum is there, too, they have none. A list counts as what it lists.

    Raises
    ------
    SettingsError
        D01 when there is no micrograph.
    HalvesError
        D01 when a list has no micrographs, D07 when two files claim to be the same half.
    OutputError
        D07 when two micrographs would have the same result, O04 when a result would replace
        a micrograph of the batch.
    """
    named, inside = set(paths), cache(output.joinpath)
    found = _planned(paths if any(map(os.path.lexists, paths)) else (), output, halves)
    planned = [one for one in found.planned if one.file in named or not stem_of(one.file).endswith(left_out)]
    targets = Targets(
        {
            one.file: inside(one.folder) / f"{one.stem}{ending}{result_suffix(one.file, wanted)}"
            for one in planned
        },
        {one.file: one.pair for one in planned if one.pair},
        {one.file for one in planned if one.is_alone},
        found.summed,
    )
    if not targets:
        asked = ", ".join(printable(path) for path in paths)
        others = left_out_below(paths, output, results=False)
        raise SettingsError(
            "D01",
            None,
            f"0 micrographs match '{asked}' in {Path.cwd()}" + (others and f"; {others}"),
            fix="Give MRC or TIFF files, folders, STAR or .cs files",
        )
    _refuse_replacing(targets, is_new=not output.is_dir())
    return targets


def _refuse_replacing(targets: Targets, *, is_new: bool) -> None:
    """Refuse a result in the place of an input, unless nothing is there yet, or of another result."""
    real = cache(os.path.realpath)
    halves = ((pair.even, pair.odd) for pair in targets.summed.values())
    files = chain.from_iterable([*map(targets.files, targets), *halves])
    inputs = set() if is_new else {real_path(file, real) for file in files}
    taken: dict[Path, Path] = {}
    for file, target in targets.items():
        if inputs and real_path(target, real) in inputs:
            problem = f"the result of {printable(file.name)} would replace this input"
            raise OutputError(
                "O04", target, problem, kept="The input is untouched", fix="Choose another folder"
            )
        if taken.setdefault(target, file) != file:
            problem = f"{taken[target]} would have the same result, {target}"
            raise OutputError("D07", file, problem, kept="Nothing was done", fix="Give the folder above both")


def real_path(file: Path, real: Callable[[str], str]) -> str:
    """Return where a file really is; ``real`` remembers folders, of which many files have few."""
    folder, name = os.path.split(file)
    return real(str(file)) if os.path.islink(file) else os.path.join(real(folder), name)  # noqa: PTH114, PTH118


def make_folders(targets: Mapping[Path, Path]) -> None:
    """Make the folders the results go into.

    Raises
    ------
    OutputError
        O06 when one cannot be made.
    """
    for folder in sorted({target.parent for target in targets.values()}):
        make_folder(folder)


def make_ready(targets: Mapping[Path, Path], share: float = 0) -> None:
    """Make the folders of results, and remove what killed processes have left in them; see `make_folders`.

    Raises
    ------
    OutputError
        O02 where there is no room for the results, of which each takes at least this ``share`` of the
        bytes of its micrograph.
    """
    make_folders(targets)
    for folder in {target.parent for target in targets.values()}:
        remove_leftovers(folder)
    if share:
        _refuse_too_little_room(targets, share)


def _refuse_too_little_room(targets: Mapping[Path, Path], share: float) -> None:
    pairs = Targets.of(targets).pairs
    missing = [path for path, target in targets.items() if not target.exists()]
    needed = sum(share * _least_bytes(path, pairs.get(path)) for path in missing)
    folder = next(iter(targets.values())).parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        problem = f"needs at least {needed / 1e9:,.2f} GB, {free / 1e9:,.2f} GB are free"
        fix = "Free some space, choose another disk, or float16"
        raise DiskFullError("O02", folder, problem, kept="Nothing was written", fix=fix)


def _least_bytes(path: Path, pair: HalfFiles | None) -> float:
    """Return the bytes of a micrograph as float32, at least; TIFF has formats of twice as many."""
    images = 2 if pair is not None and pair.even == pair.odd else 1
    with suppress(OSError):
        return path.stat().st_size / images / (2 if is_tiff(path) else 1)
    return 0


def make_folder(folder: Path) -> None:
    """Make one folder and those above it; see `make_folders`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be created: {error.strerror}"
        raise OutputError("O06", folder, problem, fix="Choose another folder") from error


def micrographs_in(paths: Sequence[Path], *, results: bool = True) -> list[Path]:
    """Return the files, the micrographs in folders, and those in lists, among what the user named.

    Earlier results below folders are among them where ``results`` are wanted.
    """
    return [file for file, _ in _listed(paths, None, results=results)]


def has_halves(paths: Sequence[Path]) -> bool:
    """Tell whether files, folders and lists have both halves of some exposure; raises what `results` does."""
    found = _planned(paths, None, "sum")
    return bool(found.summed) or any(one.pair for one in found.planned)


def _planned(paths: Sequence[Path], output: Path | None, halves: Halves) -> PlannedFiles:
    if halves == "each":
        return each(_listed(paths, output, results=False))
    lists = [path for path in paths if is_list(path) and not path.is_dir()]
    others = [path for path in paths if path not in lists]
    parts = [added_up(_listed(others, output, results=False)), *map(of_list, lists)]
    return PlannedFiles([one for part in parts for one in part.planned], parts[0].summed)


def _listed(paths: Sequence[Path], output: Path | None, *, results: bool) -> Iterator[tuple[Path, Path]]:
    for path in paths:
        if path.is_dir():
            files = micrographs_below(path, output, results=results)
            yield from ((file, file.parent.relative_to(path)) for file in files)
        elif is_list(path):
            yield from in_common_folder(micrographs_of(path))
        else:
            yield path, Path()
