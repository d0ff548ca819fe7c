"""From movies to motion-corrected even, odd and full sums: files in, files out."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from cryoden.compute.devices import describe, resolve
from cryoden.dataset.output_paths import make_folder
from cryoden.errors import MicrographError, Remark
from cryoden.events.batch import BatchEvent, BatchFinished, FileFinished, FileSkipped, TileFinished
from cryoden.formats.beside import dose_beside, size_beside
from cryoden.formats.result_stamp import ResultStamp, digits, is_done, marked
from cryoden.io import mrc
from cryoden.io.atomic import atomic_write, check_destination
from cryoden.io.mrc_header import unreadable
from cryoden.io.pixel_size import of_both, without_odd
from cryoden.io.provenance import RELEASE
from cryoden.micrograph import Pixels
from cryoden.movies import motion
from cryoden.movies.defects import Mask, Repair, hot_pixels, read_defects
from cryoden.movies.frames import GroupedFrames, group_size, groups_of
from cryoden.movies.gain import read_gain
from cryoden.movies.movie_files import Target, targets_of, write_list
from cryoden.movies.readers import Movie, is_eer, open_movie
from cryoden.movies.shift_files import Course, is_ours
from cryoden.movies.sums import Dose, summed
from cryoden.settings.movies import MovieSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows.batch import alone, ending, in_turn

METHOD = 2  # to be raised when the same movie and settings come to give other sums
UNUSUAL_DOSE = 300.0  # e⁻/Å² of a whole movie
STAGES = 4  # defects, motion, sums, files; between them a batch can be stopped
MANY_HOT = 0.001  # of all pixels
LIST = "micrographs.star"


@dataclass(frozen=True)
class HalvesRequest:
    """How to make sums: settings, files of the detector, and whether other results may be replaced."""

    settings: MovieSettings = field(default_factory=MovieSettings)
    gain: Path | None = None
    defects: Path | None = None
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    overwrite: bool = False

    def stamp(self, movie: Path, listed: float | None) -> ResultStamp:
        """Return the mark of this movie's sums.

        Raises
        ------
        MicrographError
            F49 when a file is not there.
        """
        chosen = {name: value for name, value in asdict(self.settings).items() if name != "device"}
        others = [_facts(path) for path in (self.gain, self.defects) if path is not None]
        made = [METHOD, chosen, asdict(self.reading), listed, others]
        return ResultStamp(digits("sums of movies"), digits(made), digits(_facts(movie)))

    def at(self, voltage: float | None) -> HalvesRequest:
        """Return the request for a movie whose STAR file says the kV; settings but the usual one win."""
        if voltage is None or self.settings.voltage != MovieSettings.voltage:
            return self
        return replace(self, settings=replace(self.settings, voltage=voltage))


def _facts(path: Path) -> list[object]:
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return [os.fsencode(path.name).hex(), found.st_size, found.st_mtime_ns]


def make_halves(paths: Sequence[Path], output: Path, request: HalvesRequest) -> Iterator[BatchEvent]:
    """Make the sums of movies, in a folder that mirrors their tree.

    ``<stem>.tif`` gives ``<stem>_EVN.mrc``, ``<stem>_ODD.mrc`` and ``<stem>.mrc``, with
    ``<stem>_shifts.star`` and ``<stem>_shifts.svg``; ``micrographs.star`` lists them. What is there
    already, made of the same movie with the same settings, is skipped. A movie that fails is named and
    skipped; see `cryoden.workflows.batch.in_turn`.

    Raises
    ------
    SettingsError
        D01 when there is no movie, S02 when the device is not there.
    OutputError
        O04 or D07 when sums would replace a movie or one another, O05 when micrographs.star is that of
        another program, O06 when a folder cannot be made.
    """
    detector = [path for path in (request.gain, request.defects) if path is not None]
    targets = targets_of(paths, output, detector)
    device = resolve(request.settings.device)
    for folder in sorted({target.full.parent for target in targets.values()}):
        make_folder(folder)
    final = output / LIST
    check_destination(final, overwrite=request.overwrite or is_ours(final), inputs=paths)
    work = partial(_sum_movie, request=request, device=device)
    done: list[Target] = []
    for event in ending(in_turn(targets, work), device=describe(device)):
        if isinstance(event, FileFinished | FileSkipped):
            done.append(targets[event.path])
        if isinstance(event, BatchFinished) and done:
            listed = [target for target in targets.values() if target in done]
            write_list(final, listed, overwrite=request.overwrite or is_ours(final))
        yield event


def _sum_movie(
    path: Path, target: Target, *, request: HalvesRequest, device: torch.device
) -> Generator[BatchEvent, None, None]:
    began, request = time.monotonic(), request.at(target.voltage)
    stamp = request.stamp(path, target.pixel_size)
    sums = _names(target, request.settings)
    with alone(target.full):
        done = [is_done(file, stamp, overwrite=request.overwrite) for file in sums]  # raises for each
        if all(done):
            yield FileSkipped(path, target.full)
            return
        overwrite = request.overwrite or is_ours(target.shifts()[0])
        for file in target.shifts():
            check_destination(file, overwrite=overwrite)
        with open_movie(path, request.reading) as movie:
            _know_pixel_size(movie, target.pixel_size, given=request.reading.pixel_size > 0)
            frames = _corrected(movie, request)
            yield TileFinished(1, STAGES)
            found = motion.measure(frames, movie.pixel_size or 1.0, request.settings.b_factor, device)
            course = Course(movie, frames.groups, found, request.settings, request.gain)
            yield TileFinished(2, STAGES)
            images = _images(frames, found, request, device)
            yield TileFinished(3, STAGES)
            _write(images, target, course, stamp, overwrite=overwrite)
            warnings = movie.warnings + _doubts(course)
    yield FileFinished(path, target.full, time.monotonic() - began, warnings)


def _names(target: Target, settings: MovieSettings) -> dict[Path, str]:
    """Return the files of the sums, halves last, and what each is."""
    count = settings.sums if settings.sums > 2 else 0
    parts = {target.beside(f"_{n}of{count}"): f"sum {n} of {count}" for n in range(1, count + 1)}
    halves = {target.beside("_EVN"): "even sum", target.beside("_ODD"): "odd sum"}
    return {**parts, target.full: "full sum", **halves}


def _know_pixel_size(movie: Movie, listed: float | None, *, given: bool) -> None:
    """Take the Å/px of a STAR file, else of a file beside the movie, where it has none, or a doubtful one."""
    chosen = None
    if not given:
        stated = movie.pixel_size
        chosen = of_both(stated, listed) if listed else size_beside(movie.path, movie.shape, stated)
    if chosen is not None:
        movie.pixel_size, odd = chosen
        movie.warnings = (*without_odd(movie.warnings), *odd)
    if movie.pixel_size is None:
        problem = "no pixel size in the movie, without which frames can be neither aligned nor weighted"
        raise MicrographError("F56", movie.path, problem, kept="Skipped", fix="Pass --pixel-size")


def _corrected(movie: Movie, request: HalvesRequest) -> GroupedFrames:
    """Return the groups of a movie with gain, and with what is known of defects and found of hot pixels."""
    settings, eer = request.settings, is_eer(movie.path)
    gain = None
    if request.gain is not None:
        gain = read_gain(request.gain, movie.shape, settings.gain_turn, eer=eer)
    groups = groups_of(movie.frames, group_size(movie, settings.group))
    if len(groups) < settings.sums:
        problem = f"{len(groups)} groups of frames do not make {settings.sums} sums"
        raise MicrographError("F55", movie.path, problem, kept="Skipped", fix="Lower --group or --sums")
    frames = GroupedFrames(movie, groups, gain)
    bad = np.zeros(movie.shape, np.bool_) if gain is None else gain == 0
    if request.defects is not None:
        bad |= read_defects(request.defects, movie.shape)
    if settings.hot:
        bad |= _hot(frames, settings.hot, bad)
    if bad.all():
        raise MicrographError(
            "F55", movie.path, "every pixel is a defect", kept="Skipped", fix="Check the gain"
        )
    frames.repair = Repair(bad)
    return frames


def _hot(frames: GroupedFrames, limit: float, known: Mask) -> Mask:
    """Return hot and dead pixels besides the known ones; many of them are remarked upon."""
    movie = frames.movie
    total = np.zeros(movie.shape, np.float32)
    for pixels in frames:
        total += pixels
    hot = hot_pixels(total, limit) & ~known
    if hot.mean() > MANY_HOT:
        text = f"{np.count_nonzero(hot):,} pixels ({hot.mean():.1%}) are hot or dead and were repaired; "
        movie.warnings = (*movie.warnings, Remark("F57", f"{text}--hot 0 keeps them"))
    return hot


def _images(
    frames: GroupedFrames, found: motion.Motion, request: HalvesRequest, device: torch.device
) -> tuple[list[Pixels], float]:
    """Return the sums in the order of `_names`, and their Å/px."""
    settings = request.settings
    ends = [settings.pre_exposure + settings.dose * group.end for group in frames.groups]
    dose = Dose(ends if settings.dose else (), settings.voltage)
    made = summed(frames, found.shifts, dose, device, parts=settings.sums, bin_by=settings.bin)
    parts = made.parts if settings.sums > 2 else ()
    return [*parts, made.full, made.even, made.odd], made.pixel_size


def _write(
    images: tuple[list[Pixels], float], target: Target, course: Course, stamp: ResultStamp, *, overwrite: bool
) -> None:
    """Publish all results of a movie: all are whole before the first has its name, the halves come last."""
    inputs = [course.movie.path, *([course.gain] if course.gain else [])]
    star, picture = target.shifts()
    with ExitStack() as stack:
        named = reversed(list(zip(_names(target, course.settings).items(), images[0], strict=True)))
        for (final, what), pixels in named:  # what is entered last is published first
            part = stack.enter_context(atomic_write(final, overwrite=True, inputs=inputs))
            label = marked(f"cryoden {RELEASE}: {what} of {course.movie.path.stem}", stamp)
            mrc.write(part, pixels, pixel_size=images[1], label=label)
        course.draw(stack.enter_context(atomic_write(picture, overwrite=overwrite, inputs=inputs)))
        part = stack.enter_context(atomic_write(star, overwrite=overwrite, inputs=inputs))
        part.write_text(course.star(), encoding="utf-8", errors="surrogateescape", newline="\n")


def _doubts(course: Course) -> tuple[Remark, ...]:
    said = []
    if not course.motion.settled:
        said.append(Remark("F57", f"shifts did not settle in {course.motion.steps} steps: look at them"))
    movie, total = course.movie, course.settings.dose * course.movie.frames
    if not total and (known := dose_beside(movie.path, movie.shape)):
        each = f"--dose {known[0] / movie.frames:.3g}"
        said.append(
            Remark("F67", f"not weighted by dose: {known[1]} says {known[0]:.4g} e⁻/Å² in all, {each}")
        )
    if total > UNUSUAL_DOSE:
        said.append(Remark("F57", f"{total:,.0f} e⁻/Å² in all: --dose is that of one frame"))
    return tuple(said)
