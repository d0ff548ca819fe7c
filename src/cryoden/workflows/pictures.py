"""Raw beside denoised, as pictures: of a run for its report, and of the results of a batch on one sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.opening import added, facts, open_both, read_micrograph, whole
from cryoden.denoising.denoise import denoise, finished
from cryoden.errors import CryodenError, SettingsError, printable
from cryoden.events.closing import closed
from cryoden.events.shown_results import Result, ShownResults
from cryoden.events.training import TrainingEvent, TrainingFinished, TrainingStarted
from cryoden.formats.names import stem_of
from cryoden.image.block_mean import averaged_down
from cryoden.io.atomic import atomic_write, check_destination
from cryoden.micrograph import Micrograph, Pixels, Windowed
from cryoden.model.checkpoint import load
from cryoden.reporting.contact_sheet import Cell, image_width, is_sheet, sheet
from cryoden.reporting.thumbnails import REACH, matched, png
from cryoden.runs.folder import RunFolder
from cryoden.sampling.holdout import TrainingPair
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import Device
from cryoden.settings.reading import ReadingSettings

EDGE, GAP = 384, 8  # px
CONTRAST = f"raw | denoised, each within {REACH:g} standard deviations of its mean"


def pictured(
    events: Iterable[TrainingEvent], folder: RunFolder, pairs: Sequence[TrainingPair]
) -> Iterator[TrainingEvent]:
    """Pass a run on; after its last event its folder has a picture, where there is a model."""
    started: TrainingStarted | None = None
    with closed(events):
        for event in events:
            started = event if isinstance(event, TrainingStarted) else started
            yield event  # first: whoever is in a hurry may stop here
            _draw(folder, started if isinstance(event, TrainingFinished) else None, pairs)


def _draw(folder: RunFolder, started: TrainingStarted | None, pairs: Sequence[TrainingPair]) -> None:
    if started is None:
        return
    noisy = next((pair.noisy for pair in pairs if pair.name in started.validation), pairs[0].noisy)
    with suppress(CryodenError):  # a run without a picture is as good
        raw = _center(noisy)
        denoised = _denoised(raw, folder, started.settings.device)
        gap = np.full((raw.shape[0], GAP), 255, np.uint8)
        picture = png(np.hstack([matched(raw.data), gap, matched(denoised)]))
        with atomic_write(folder.denoised, overwrite=True) as temporary:
            temporary.write_bytes(picture)


def _center(noisy: Windowed) -> Micrograph:
    height, width = (min(EDGE, side) for side in noisy.shape)
    top, left = (noisy.shape[0] - height) // 2, (noisy.shape[1] - width) // 2
    return Micrograph(noisy.window(top, left, height, width), noisy.pixel_size, noisy.name)


def _denoised(raw: Micrograph, folder: RunFolder, device: Device) -> Pixels:
    model, settings = load(folder.model), DenoisingSettings(device=device)
    return finished(denoise(raw, model, settings)).micrograph.data


def check_sheet(file: Path, *, overwrite: bool = False, output: Path | None = None) -> None:
    """Raise what would keep `contact_sheet` from writing there; an earlier sheet is replaced.

    The batch makes ``output``, in which the sheet may lie.

    Raises
    ------
    SettingsError
        S03 for a name that does not end in .png.
    OutputError
        See `cryoden.io.atomic.check_destination`.
    """
    if file.suffix.lower() != ".png":
        problem = f"--contact-sheet {printable(file)} is not a .png file"
        raise SettingsError("S03", None, problem, fix="Give a name that ends in .png")
    if output is None or file.parent.absolute() != output.absolute() or output.exists():
        check_destination(file, overwrite=overwrite or is_sheet(file))


def contact_sheet(
    shown: ShownResults, file: Path, reading: ReadingSettings | None = None, *, overwrite: bool = False
) -> Iterator[float]:
    """Draw results beside what they were made from; yield which share of them is drawn.

    One exposure at a time is in memory. What cannot be read any more has its name on the sheet, and no image.

    Raises
    ------
    SettingsError, OutputError
        See `check_sheet`.
    """
    check_sheet(file, overwrite=overwrite)
    results, cells = shown.results, list[Cell]()
    for result in results:
        wide = image_width(len(results))
        raw = _small(partial(_raw, result, reading), wide)
        denoised = _small(partial(_first, result.output, None), wide)
        cells.append(Cell(stem_of(result.output).removesuffix("_denoised"), raw, denoised))
        yield len(cells) / len(results)
    if cells:
        with atomic_write(file, overwrite=overwrite or is_sheet(file)) as part:
            part.write_bytes(sheet(cells, f"{shown.words}: {CONTRAST}"))


def _small(read: Callable[[], Micrograph], wide: int) -> NDArray[np.uint8] | None:
    with suppress(CryodenError):
        return matched(averaged_down(read().data, wide))
    return None


def _raw(result: Result, reading: ReadingSettings | None) -> Micrograph:
    if result.odd is None:
        return _first(result.path, reading)
    is_stack = result.path != result.odd and facts(result.path, reading).nz > 1
    files = open_both(HalfFiles("", result.path, result.odd), reading, {}, 0 if is_stack else None)
    even, odd = (whole(file, reading) for file in files)
    return added(even, odd, even.name)


def _first(path: Path, reading: ReadingSettings | None) -> Micrograph:
    """Read a micrograph, of a stack the first image."""
    section = 0 if facts(path, reading).nz > 1 else None
    return read_micrograph(path, reading, section=section)
