"""Denoising workflows. Command line and viewer call this module and nothing below it for work."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cryoden.compute import devices
from cryoden.dataset.folder_walk import left_out_below
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.opening import facts, open_micrograph, size_from_beside, whole
from cryoden.dataset.output_paths import make_ready, results
from cryoden.denoising.binned import binning_of
from cryoden.denoising.denoise import Denoiser, tiles
from cryoden.denoising.denoisers import Denoisers
from cryoden.denoising.nothing_left import refuse_constant
from cryoden.errors import Remark
from cryoden.events.batch import BatchEvent, DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.formats.micrographs import probe
from cryoden.formats.result_stamp import ResultStamp, StampInputs, denoised_with, is_done
from cryoden.io.atomic import atomic_write
from cryoden.io.mrc_windows import MicrographFile
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows.batch import alone, ending
from cryoden.workflows.lanes import Lanes, pooled
from cryoden.workflows.overlapped import overlapped
from cryoden.workflows.results import Output, label_with, write_confidence, write_denoised
from cryoden.workflows.stacks import denoised_planes, planes_of

TWICE = Remark("T14", "this is a result of cryoden already: denoised twice")


def denoise_micrograph(
    micrograph: Micrograph, model_path: Path, settings: DenoisingSettings
) -> Iterator[DenoisingEvent]:
    """Denoise a micrograph in memory; see `cryoden.denoising.denoise.Denoiser.denoise`."""
    yield from Denoiser(load(model_path), settings).denoise(micrograph)


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
    """

    model: Path = GENERAL
    settings: DenoisingSettings = field(default_factory=DenoisingSettings)
    reading: ReadingSettings | None = None
    overwrite: bool = False


def denoise_files(
    paths: Sequence[Path],
    output: Path,
    batch: BatchRequest,
    lanes: Lanes | None = None,
    targets: Mapping[Path, Path] | None = None,
) -> Iterator[BatchEvent]:
    """Denoise files, folders, and what lists of RELION or cryoSPARC have, into a folder with their tree.

    Results that are there already, made by the same model with the same settings from the same
    file, are not made again. A file that fails is named and skipped; others are read and written
    while one is denoised, see `cryoden.workflows.overlapped`.

    Parameters
    ----------
    paths : sequence of Path
        What to denoise.
    output : Path
        Folder of the results.
    batch : BatchRequest
        What stays the same.
    lanes : Lanes or None
        How many files are read ahead and written at once; ``None`` for what suits the device.
    targets : mapping of Path or None
        For each file where its result goes; ``None`` for the tree below the output folder.

    Raises
    ------
    SettingsError
        D01 when there is nothing to denoise.
    OutputError
        D07 when two results would have one name, O06 when the folder cannot be made.
    ModelFileError
        For a model that cannot be used.
    """
    targets = results(paths, output, wanted=batch.settings.format) if targets is None else targets
    denoisers, lanes = one_process(batch, lanes)
    make_ready(targets, batch.settings.least_share)
    left_out = left_out_below(paths, output, results=False)
    device = devices.describe(denoisers.first.place.device)
    with closing(denoise_targets(targets, denoisers, batch, pixel_sizes(paths), lanes)) as events:
        yield from ending(events, left_out=left_out, device=device)


def denoise_targets(
    targets: Mapping[Path, Path],
    denoisers: Denoisers,
    batch: BatchRequest,
    sizes: Mapping[Path, float],
    lanes: Lanes,
) -> Generator[BatchEvent, None, None]:
    """Denoise files, at least one, to where their results go, in folders that are ready; see `denoise_files`.

    ``sizes`` are the Å/px that a list says of some. Other threads may use the same denoisers.
    """
    recipe = StampInputs(denoisers.first.model.sha256, batch.settings, batch.reading)
    shared = _Shared(denoisers, batch, recipe, sizes, apart=lanes.at_work > 0)
    return overlapped(targets, partial(_Denoising, shared), lanes)


def one_process(batch: BatchRequest, lanes: Lanes | None = None) -> tuple[Denoisers, Lanes]:
    """Return the denoisers of a batch in this process, and the lanes that suit its device unless given."""
    return pooled(Denoiser(load(batch.model), batch.settings), batch.settings, lanes)


@dataclass(frozen=True)
class _Shared:
    """What all files of a batch share; ``apart`` says that micrographs are denoised beside others."""

    denoisers: Denoisers
    batch: BatchRequest
    recipe: StampInputs
    sizes: Mapping[Path, float]
    apart: bool

    def whole(self, file: MicrographFile) -> Micrograph:
        """Read a micrograph for a denoiser, which looks at its pixels itself."""
        reading = self.batch.reading
        empty = devices.page_locked if self.denoisers.first.place.device.type == "cuda" else None
        return whole(file, reading, look=reading is not None and reading.nan != "refuse", empty=empty)


class _Denoising:
    """One file on its way to its result, which it claims and has begun from its reading on."""

    def __init__(self, shared: _Shared, path: Path, output: Path) -> None:
        self.path, self.output = path, output
        self._shared, self._batch, self._size = shared, shared.batch, shared.sizes.get(path)
        self._held = ExitStack()
        self._open: MicrographFile | None = None
        self._raw: Micrograph | None = None
        self._made: MicrographDenoised | None = None
        self._warnings: tuple[Remark, ...] = ()
        self._given_up = False

    def nbytes(self) -> int:
        with suppress(Exception):  # whatever is wrong with it, its reading will say so
            found = facts(self.path, self._batch.reading)
            return 4 * found.nx * found.ny  # of a stack one image at a time is in memory
        return 0

    def read(self) -> bool:
        # Before reading: a file that changes meanwhile is another one next time.
        mark = self._shared.recipe.mark(
            self.path, self._size or size_from_beside(self.path, self._batch.reading)
        )
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
        inputs = [self.path, batch.model]
        part = held.enter_context(atomic_write(self.output, overwrite=batch.overwrite, inputs=inputs))
        self._planes = planes_of(facts(self.path, batch.reading), batch.settings)
        label = label_with(batch.model, mark)
        self._output = Output(self.path, part, self.output, label, batch.settings, batch.overwrite)

    def _read(self, section: int | None = None) -> Micrograph:
        self._open = open_micrograph(self.path, self._batch.reading, self._size, section)
        binning_of(self._open.shape, self._open.pixel_size, self._batch.settings, self.path)  # or refuse it
        if self._given_up:
            self._open.close()
        return self._shared.whole(self._open)

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
        return self._warnings + ((TWICE,) if denoised_with(probe(self.path).labels[-1:]) else ())

    def abandon(self) -> None:
        self._given_up = True
        if self._open is not None:
            self._open.close()
        with suppress(_GivenUpError), self._held:
            raise _GivenUpError


class _GivenUpError(Exception):
    """What ends the making of a result that nobody asks for any more."""
