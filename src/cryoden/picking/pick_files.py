"""Picking many micrographs, raw or denoised, into files that RELION takes."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from cryoden.dataset.companions import companions
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.opening import read_micrograph
from cryoden.dataset.output_paths import make_ready, results
from cryoden.denoising.denoise import Denoiser, finished
from cryoden.errors import MicrographError, Remark
from cryoden.events.batch import BatchEvent, BatchFinished, FileFinished
from cryoden.formats.names import stem_of
from cryoden.io.atomic import atomic_write, check_destination
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import load
from cryoden.picking.find_particles import Found, find_particles
from cryoden.picking.picks import Picks
from cryoden.picking.star_output import coordinates, list_of, particles
from cryoden.picking.templates import Templates, read_templates
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.picking import PickingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows.batch import alone, in_turn

ENDING, LIST, ALL = "_autopick", "autopick.star", "particles.star"


@dataclass(frozen=True)
class PickingRequest:
    """How micrographs are picked.

    Parameters
    ----------
    settings : PickingSettings
        How particles are found.
    denoised : sequence of Path
        Results of denoising, files and folders, that are looked at in place of the micrographs.
    model : Path or None
        What denoises the micrographs before.
    denoising : DenoisingSettings
        How it does.
    template : Path or None
        Class averages to pick by.
    reading : ReadingSettings or None
        How to read the files.
    overwrite : bool
        Whether files that are there may be replaced.
    flip_y : bool
        Whether rows are counted from the other edge in the files that are written.
    """

    settings: PickingSettings
    denoised: Sequence[Path] = ()
    model: Path | None = None
    denoising: DenoisingSettings = field(default_factory=DenoisingSettings)
    template: Path | None = None
    reading: ReadingSettings | None = None
    overwrite: bool = False
    flip_y: bool = False


@dataclass(frozen=True, eq=False)
class Picker:
    """What is the same for all micrographs of a request."""

    asked: PickingRequest
    denoiser: Denoiser | None
    templates: Templates | None
    results: Mapping[Path, Path]
    sizes: Mapping[Path, float]

    def picked(self, path: Path) -> Found:
        """Return what is found on one micrograph, or on what is looked at in its place, in its pixels."""
        raw = read_micrograph(path, self.asked.reading, self.sizes.get(path))
        seen = self._seen(path, raw)
        found = find_particles(seen, self.asked.settings, self.templates)
        picks = found.picks.scaled(_binning(seen, raw))
        return replace(found, picks=picks.mirrored(raw.shape[0]) if self.asked.flip_y else picks)

    def _seen(self, path: Path, raw: Micrograph) -> Micrograph:
        if path in self.results:
            result = read_micrograph(self.results[path], self.asked.reading, raw.pixel_size)
            _refuse_other_size(result, raw)
            same = result.shape == raw.shape and raw.pixel_size
            return replace(result, pixel_size=raw.pixel_size) if same else result
        return raw if self.denoiser is None else finished(self.denoiser.denoise(raw)).micrograph


def pick_files(paths: Sequence[Path], output: Path, asked: PickingRequest) -> Iterator[BatchEvent]:
    """Pick micrographs, and write coordinates of each, a list of these files, and all particles.

    ``NAME.mrc`` gives ``NAME_autopick.star``, in a folder that mirrors the tree of the micrographs;
    ``autopick.star`` lists them, and ``particles.star`` has all picks, with optics groups. Names of
    micrographs in them are relative to the current folder, which for RELION is the project's.

    Raises
    ------
    SettingsError
        ``D01`` when there is no micrograph.
    HalvesError
        ``D02`` when one has no denoised result.
    OutputError
        ``O04`` to ``O06`` for what is in the way of the lists.
    """
    targets = {path: to.with_suffix(".star") for path, to in results(paths, output, ENDING).items()}
    picker = _picker(paths, list(targets), asked)
    make_ready(targets)
    for name in (LIST, ALL):
        check_destination(output / name, overwrite=asked.overwrite)
    found: dict[Path, Picks] = {}
    for event in in_turn(targets, partial(_pick_file, picker=picker, found=found)):
        if isinstance(event, BatchFinished):
            _write_lists(output, targets, found, overwrite=asked.overwrite)
        yield event


def _picker(paths: Sequence[Path], micrographs: Sequence[Path], asked: PickingRequest) -> Picker:
    denoiser = None if asked.model is None else Denoiser(load(asked.model), asked.denoising)
    templates = None if asked.template is None else read_templates(asked.template)
    names = {path: stem_of(path) for path in micrographs}
    done = companions(names, asked.denoised, "denoised") if asked.denoised else {}
    return Picker(asked, denoiser, templates, done, pixel_sizes(paths))


def _pick_file(
    path: Path, target: Path, *, picker: Picker, found: dict[Path, Picks]
) -> Generator[BatchEvent, None, None]:
    began = time.monotonic()
    with (
        alone(target),
        atomic_write(target, overwrite=picker.asked.overwrite, inputs=[path]) as temporary,
    ):
        one = picker.picked(path)
        temporary.write_text(coordinates(one.picks), encoding="utf-8")
    found[path] = one.picks
    yield FileFinished(path, target, time.monotonic() - began, (in_words(one),))


def in_words(found: Found) -> Remark:
    """Return how many particles were found, and how many chance finds as well."""
    bright = ", brighter than the ice" if found.bright else ""
    above = f"figure of merit {found.threshold:.2f} and more; with random phases {found.by_chance:,}"
    return Remark("K08", f"{len(found.picks):,} picks{bright} ({above})")


def _write_lists(
    output: Path, targets: Mapping[Path, Path], found: Mapping[Path, Picks], *, overwrite: bool
) -> None:
    names = {path: os.path.relpath(path) for path in found}
    files = {names[path]: os.path.relpath(targets[path]) for path in found}
    everything = [replace(picks, micrograph=names[path]) for path, picks in found.items()]
    for name, text in ((LIST, list_of(files)), (ALL, particles(everything))):
        with atomic_write(output / name, overwrite=overwrite, inputs=list(found)) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="surrogateescape")


def _binning(result: Micrograph, raw: Micrograph) -> float:
    """Return how many pixels of the micrograph one of a result has, by their pixel sizes."""
    if result.shape == raw.shape or not (result.pixel_size and raw.pixel_size):
        return 1.0
    return result.pixel_size / raw.pixel_size


def _refuse_other_size(result: Micrograph, raw: Micrograph) -> None:
    factor = _binning(result, raw)
    left = [long - factor * short for short, long in zip(result.shape, raw.shape, strict=True)]
    if min(left) < -factor or max(left) >= factor or (factor == 1 and any(left)):  # the rest of a binned one
        sizes = " and ".join("×".join(map(str, one.shape)) for one in (result, raw))
        problem = f"has another size than {raw.name} ({sizes} px)"
        fix = "Give the result uncropped; that of a binned one has its pixel size in the header"
        raise MicrographError("D05", result.path, problem, kept="Skipped", fix=fix)
