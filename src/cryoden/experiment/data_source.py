"""Where patch pairs come from: a data set on disk, or micrographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryoden.checkpoints.run_data import RunData, of_files
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.opening import open_halves, open_micrograph, open_supervised
from cryoden.dataset.output_paths import micrographs_in
from cryoden.errors import CryodenError, PatchFileError, SettingsError, printable
from cryoden.experiment.index import INDEX, shard_name
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.io.mrc_windows import MicrographFile
from cryoden.io.typed_json import as_type
from cryoden.settings.baseline import PatchSettings
from cryoden.settings.reading import ReadingSettings


@dataclass(frozen=True)
class PairSource:
    """What the user named: micrographs to add noise to, halves, or noisy and target files.

    Exactly one of the three; noisy and target are matched by name as for training.
    """

    micrographs: Sequence[Path] = ()
    halves: Sequence[Path] = ()
    noisy: Sequence[Path] = ()
    target: Sequence[Path] = ()

    def __post_init__(self) -> None:
        given = [bool(self.micrographs), bool(self.halves), bool(self.noisy or self.target)]
        if sum(given) != 1:
            problem = "give micrographs, or --halves, or --noisy and --target"
            raise SettingsError("S03", None, problem, fix="See --help")


@dataclass(frozen=True)
class _Known:
    """What `data_source` tells, with its types."""

    paths: list[str]
    patches: dict[str, Any]
    reading: dict[str, Any]
    pairs: int
    edge: int


def patch_pairs(
    material: PairSource, settings: PatchSettings, reading: ReadingSettings | None = None
) -> PatchPairs:
    """Return the patch pairs of micrographs; nothing but headers is read yet.

    Raises
    ------
    CryodenError
        For files that cannot be read or matched, S03 for pixels that are to be replaced.
    """
    if reading is not None and reading.nan == "mean":
        fix = "Repeat the processing step that wrote the file, or leave it out"
        raise SettingsError("S03", None, "--nan mean works for denoising only, not for training", fix=fix)
    if material.halves:
        pairs = open_halves(material.halves, reading)
        return PatchPairs([pair.odd for pair in pairs], [pair.even for pair in pairs], settings)
    if material.micrographs:
        return PatchPairs(_opened(material.micrographs, reading), None, settings)
    noisy, target = zip(*open_supervised(material.noisy, material.target, reading), strict=True)
    return PatchPairs(target, noisy, settings)


def opened(
    paths: Sequence[Path], settings: PatchSettings, reading: ReadingSettings | None = None
) -> PatchStore | PatchPairs:
    """Return a data set on disk where one folder of it is given, else pairs made on the fly."""
    if len(paths) == 1 and (paths[0] / INDEX).is_file():
        return PatchStore(paths[0])
    return patch_pairs(PairSource(micrographs=paths), settings, reading)


def data_source(
    pairs: PatchStore | PatchPairs,
    paths: Sequence[Path],
    settings: PatchSettings,
    reading: ReadingSettings | None = None,
) -> dict[str, Any]:
    """Return as plain JSON values how `opened` came to these pairs, for a run to keep."""
    return {
        "paths": [str(path.absolute()) for path in paths],
        "patches": asdict(settings),
        "reading": asdict(reading or ReadingSettings()),
        "pairs": len(pairs),
        "edge": pairs.edge,
    }


def files_of(pairs: PatchStore | PatchPairs, known: Mapping[str, Any]) -> RunData:
    """Return what has to be known of the files of these pairs, to see whether they change.

    ``known`` is what `data_source` has said of them. R07 for a file that is gone.
    """
    if isinstance(pairs, PatchStore):
        files = [pairs.folder / INDEX, *(pairs.folder / shard_name(i) for i in range(pairs.layout.shards))]
        return of_files(files, {}, {})
    files = [one.path for one in pairs.micrographs if one.path is not None]
    return of_files(files, known.get("patches", {}), known.get("reading", {}))


def opened_again(known: Mapping[str, Any]) -> PatchStore | PatchPairs:
    """Return the pairs that `data_source` told of.

    Raises
    ------
    PatchFileError
        Q06 when they are gone, cannot be read or are others.
    """
    try:
        told = as_type(_Known, known)
        settings, reading = PatchSettings(**told.patches), ReadingSettings(**told.reading)
    except (ValueError, TypeError, CryodenError) as error:
        raise _gone(None, f"the record of the run's data is damaged: {error}") from None
    paths = [Path(path) for path in told.paths]
    for path in paths:
        if not path.exists():
            raise _gone(path, "no longer exists")
    try:
        pairs = opened(paths, settings, reading)
    except CryodenError as error:
        raise _gone(paths[0], f"cannot be read: {error.problem}") from error
    now, then = (len(pairs), pairs.edge), (told.pairs, told.edge)
    if now != then:
        found, expected = (f"{count:,} pairs of {edge:,} px" for count, edge in (now, then))
        raise _gone(paths[0], f"has changed since the run (found {found}, expected {expected})")
    return pairs


def _gone(path: Path | None, problem: str) -> PatchFileError:
    fix = "Restore the data of the run, or pass --synthetic to use synthetic pairs"
    return PatchFileError("Q06", path, problem, kept="Nothing was written", fix=fix)


def _opened(paths: Sequence[Path], reading: ReadingSettings | None) -> list[MicrographFile]:
    files = micrographs_in(paths, results=False)
    if not files:
        asked = ", ".join(printable(path) for path in paths)
        raise SettingsError("D01", None, f"0 micrographs match '{asked}'", fix="Give MRC files or folders")
    sizes = pixel_sizes(paths)
    return [open_micrograph(file, reading, sizes.get(file)) for file in files]
