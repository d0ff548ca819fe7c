"""What a denoising does in its thread: the result, its file, and all that showing it takes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from cryoden.events.batch import DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.io.atomic import atomic_write
from cryoden.micrograph import Micrograph
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.jobs.companions import Band, Companion, made
from napari_cryoden.layers.picture import Picture, picture_of
from napari_cryoden.threads.worker import leave_a_core


@dataclass(frozen=True, eq=False)
class ReadyResult:
    """A result, with all that the interface would have to wait for."""

    micrograph: Micrograph
    picture: Picture
    is_confidence: bool = False


Made = ReadyResult | Companion


def denoising(
    micrograph: Micrograph,
    model: Path,
    settings: DenoisingSettings,
    output: Path | None,
    spare_cores: int,
    halves: tuple[Path, ...],
) -> Generator[TileFinished, None, MicrographDenoised]:
    """Yield how far it is, and return the result, written where ``output`` says so."""
    leave_a_core(spare_cores)
    from cryoden.denoising import denoise, nothing_left  # noqa: PLC0415  it loads torch, which docking must not
    from cryoden.workflows import denoise_micrographs, results  # noqa: PLC0415  it loads torch, which docking must not

    with ExitStack() as stack:
        # First of all: an output that cannot be written is reported before any computing.
        like = halves[0] if halves else micrograph.path
        inputs = [model, *halves, *([like] if like else [])]
        temporary = stack.enter_context(atomic_write(output, inputs=inputs)) if output else None
        events = denoise_micrographs.denoise_micrograph(micrograph, model, settings)
        stack.enter_context(closing(cast("Generator[DenoisingEvent, None, None]", events)))
        denoised = yield from denoise.tiles(events)
        if temporary is not None and output is not None:
            nothing_left.refuse_constant(output, denoised.micrograph, micrograph, settings.pixel_format)
            label = results.label_with(model, halves=halves)
            place = results.Output(like, temporary, output, label, settings)
            results.write_confidence(place, denoised.confidence)
            results.write_denoised(place, denoised)
    return denoised


def ready(
    raw: Micrograph, denoised: MicrographDenoised, band: Band
) -> Generator[ReadyResult | Companion, None, None]:
    """Yield the result and what stands beside it, one layer after another."""
    # A layer stays for long; from a GPU the pixels come in page-locked memory, of which there is little.
    found = _owned(denoised.micrograph)
    yield ReadyResult(found, picture_of(found.data))
    yield from made([raw, found], band)
    if denoised.confidence is not None:
        confidence = _owned(denoised.confidence)
        yield ReadyResult(confidence, picture_of(confidence.data), is_confidence=True)


def _owned(micrograph: Micrograph) -> Micrograph:
    return replace(micrograph, data=micrograph.data.copy())
