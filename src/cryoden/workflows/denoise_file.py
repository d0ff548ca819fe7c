"""One micrograph of a batch, from its file or its two halves to its result on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryoden.compute import devices
from cryoden.dataset.half_sums import Halves, exposure_name
from cryoden.dataset.opening import added, facts, open_both, open_micrograph, size_from_beside, whole
from cryoden.dataset.output_paths import Targets, results
from cryoden.denoising.binned import binning_of
from cryoden.denoising.denoise import Denoiser, tiles
from cryoden.denoising.denoisers import Denoisers
from cryoden.denoising.nothing_left import refuse_constant
from cryoden.errors import CryodenError, Remark
from cryoden.events.batch import MicrographDenoised, TileFinished
from cryoden.formats.result_stamp import ResultStamp, StampInputs, is_done
from cryoden.io.atomic import atomic_write
from cryoden.io.mrc_windows import MicrographFile
from cryoden.micrograph import Micrograph
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows.batch import alone
from cryoden.workflows.lanes import Task
from cryoden.workflows.results import Output, label_with, remarks_on, write_confidence, write_denoised
from cryoden.workflows.stacks import denoised_planes, planes_of


@dataclass(frozen=True)
class BatchRequest:
    """What stays the same for each file of a batch.

    Parameters
    ----------
    model : Path
        The model file; the general model by default.
    settings : DenoisingSettings
        How to denoise and what to write.
    reading : ReadingSettings or None
        How to read the inputs.
    overwrite : bool
        Whether what lies in the place of a result may be replaced when it was made with another
        model, with other settings or from another file.
    halves : {"sum", "each"}
        What is denoised of two halves, see `cryoden.dataset.output_paths.results`.
    """

    model: Path = GENERAL
    settings: DenoisingSettings = field(default_factory=DenoisingSettings)
    reading: ReadingSettings | None = None
    overwrite: bool = False
    halves: Halves = "sum"

    def targets(self, paths: Sequence[Path], output: Path) -> Targets:
        """Return where results go, see `cryoden.dataset.output_paths.results`."""
        return results(paths, output, wanted=self.settings.format, halves=self.halves)


@dataclass(frozen=True)
class Shared:
    """What all files of a batch share; ``apart`` says that micrographs are denoised beside others."""

    denoisers: Denoisers
    batch: BatchRequest
    recipe: StampInputs
    sizes: Mapping[Path, float]
    targets: Targets
    apart: bool

    def opened(self, path: Path, size: float | None, section: int | None) -> tuple[MicrographFile, ...]:
        """Open a micrograph, or its two halves."""
        pair, reading = self.targets.pairs.get(path), self.batch.reading
        if pair is None:
            return (open_micrograph(path, reading, size, section),)
        return open_both(pair, reading, self.sizes, section)

    def whole(self, files: Sequence[MicrographFile], name: str) -> Micrograph:
        """Read a micrograph for a denoiser, which looks at its pixels itself, but of halves at their sum."""
        reading = self.batch.reading
        look = len(files) > 1 or (reading is not None and reading.nan != "refuse")
        empty = devices.page_locked if self.denoisers.first.place.device.type == "cuda" else None
        first, *others = (whole(file, reading, look=look, empty=empty) for file in files)
        return added(first, others[0], name) if others else first

    def mark(self, *files: Path) -> ResultStamp:
        """Return the mark of the result of a file, or of two halves."""
        listed = self.sizes.get(files[0]) or size_from_beside(files[0], self.batch.reading)
        return self.recipe.mark(*files, listed=listed)

    def is_of_halves(self, path: Path, output: Path) -> bool:
        """Tell whether the result of a full sum was made from its halves, which are there, unchanged."""
        pair = None if self.batch.overwrite else self.targets.summed.get(path)
        try:
            return pair is not None and is_done(output, self.mark(pair.even, pair.odd))
        except CryodenError:  # of another file, or a half that is gone
            return False


def task(shared: Shared, path: Path, output: Path) -> Task:
    """Return what is to be done for the result of one micrograph, which may be known by its even half."""
    return _Denoising(shared, path, output)


class _Denoising:
    """One micrograph on its way to its result, which it claims and has begun from its reading on.

    Where it has two halves it is known by the even one.
    """

    def __init__(self, shared: Shared, path: Path, output: Path) -> None:
        self.path, self.output = path, output
        self._shared, self._batch, self._size = shared, shared.batch, shared.sizes.get(path)
        self._held = ExitStack()
        self._files = shared.targets.files(path)
        self.odd = self._files[1] if len(self._files) > 1 else None
        self.of_halves = False
        self._open: tuple[MicrographFile, ...] = ()
        self._raw: Micrograph | None = None
        self._planes: list[int] | None = None
        self._made: MicrographDenoised | None = None
        self._warnings: tuple[Remark, ...] = ()
        self._given_up = False

    def nbytes(self) -> int:
        with suppress(Exception):  # whatever is wrong with it, its reading will say so
            found = facts(self.path, self._batch.reading)
            return 4 * found.nx * found.ny * len(self._files)  # of a stack one image at a time is in memory
        return 0

    def read(self) -> bool:
        # Before reading: a file that changes meanwhile is another one next time.
        mark = self._shared.mark(*self._files)
        self.of_halves = self._shared.is_of_halves(self.path, self.output)
        if self.of_halves:
            return False
        if is_done(self.output, mark, overwrite=self._batch.overwrite):
            return False
        with ExitStack() as held:
            held.enter_context(alone(self.output))
            if is_done(self.output, mark, overwrite=self._batch.overwrite):  # by another process meanwhile
                return False
            self._begin(held, mark)
            if self._planes is None:
                self._raw = self._read()
            self._held = held.pop_all()
        return True

    def _begin(self, held: ExitStack, mark: ResultStamp) -> None:
        batch = self._batch
        inputs, halves = [*self._files, batch.model], self._files if self.odd else ()
        part = held.enter_context(atomic_write(self.output, overwrite=batch.overwrite, inputs=inputs))
        if self.odd != self.path:  # else the halves are the images of one file
            self._planes = planes_of(facts(self.path, batch.reading), batch.settings)
        label = label_with(batch.model, mark, halves)
        self._output = Output(self.path, part, self.output, label, batch.settings, batch.overwrite)

    def _read(self, section: int | None = None) -> Micrograph:
        self._open = first, *_ = self._shared.opened(self.path, self._size, section)
        size = next((one.pixel_size for one in self._open if one.pixel_size), None)
        binning_of(first.shape, size, self._batch.settings, self.path)  # or refuse it
        if self._given_up:
            self._close()
        return self._shared.whole(self._open, exposure_name(self.path))

    def _close(self) -> None:
        for file in self._open:
            file.close()

    def work(self) -> Generator[TileFinished, None, None]:
        if self._raw is not None and self._shared.apart:
            return
        with self._held as held, self._shared.denoisers.one() as denoiser:
            if self._raw is None:
                planes = self._planes or []
                self._warnings = yield from denoised_planes(denoiser, planes, self._read, self._output)
            else:
                yield from self._denoised(denoiser, self._raw)
            self._held = held.pop_all()

    def make(self) -> None:
        if self._raw is not None:
            with self._held as held, self._shared.denoisers.one() as denoiser:
                deque(self._denoised(denoiser, self._raw), maxlen=0)
                self._held = held.pop_all()

    def _denoised(self, denoiser: Denoiser, raw: Micrograph) -> Iterator[TileFinished]:
        self._raw = None
        self._made = yield from tiles(denoiser.denoise(raw))
        refuse_constant(self.output, self._made.micrograph, raw, self._batch.settings.pixel_format)
        self._warnings = self._made.micrograph.warnings

    def write(self) -> tuple[Remark, ...]:
        with self._held:
            made, self._made = self._made, None
            if made is not None:
                # First: a result that is there is one whose confidence is, too.
                write_confidence(self._output, made.confidence)
                write_denoised(self._output, made)
        return self._warnings + remarks_on(self._files)

    def abandon(self) -> None:
        self._given_up = True
        self._close()
        with suppress(_GivenUpError), self._held:
            raise _GivenUpError


class _GivenUpError(Exception):
    """What ends the making of a result that nobody asks for any more."""
