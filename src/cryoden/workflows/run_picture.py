"""A picture for the report of a run: the same region raw and denoised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import numpy as np

from cryoden.denoising.denoise import denoise, finished
from cryoden.errors import CryodenError
from cryoden.events.closing import closed
from cryoden.events.training import TrainingEvent, TrainingFinished, TrainingStarted
from cryoden.io.atomic import atomic_write
from cryoden.micrograph import Micrograph, Pixels, Windowed
from cryoden.model.checkpoint import load
from cryoden.reporting.thumbnails import matched, png
from cryoden.runs.folder import RunFolder
from cryoden.sampling.holdout import TrainingPair
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import Device

EDGE, GAP = 384, 8  # px


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
