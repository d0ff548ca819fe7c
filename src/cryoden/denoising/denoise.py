"""From a micrograph and a model to a denoised micrograph, all on the device."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.denoising import ice_ring, ring_gains
from cryoden.denoising.confidence import confidence
from cryoden.denoising.tiled_network import TiledNetwork
from cryoden.events.batch import DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.image.normalization import CLIP, Normalization, bands, measured, positive, typical
from cryoden.image.resampling import Resampling
from cryoden.io.mrc_windows import non_finite
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import Model
from cryoden.model.pixel_scale import ASSUMED, scale_for
from cryoden.settings.denoising import DenoisingSettings

TILE_LIMITS = (128, 8192)
USUAL_OUTLIERS = 1e-5  # share of pixels beyond the clip that is no reason to bother anyone


class Denoiser:
    """A model on its device, ready for any number of micrographs.

    Parameters
    ----------
    model : Model
        What was trained.
    settings : DenoisingSettings
        Device, number format, tile size and orientations.
    """

    def __init__(self, model: Model, settings: DenoisingSettings) -> None:
        self.model = model
        self._passes_ring = settings.ice_ring and (model.working_pixel or 0) * 2 >= ice_ring.RING[0]
        self._weighs_rings = settings.ring_gains and model.scale == "z-score"
        self._gives_confidence = settings.confidence
        self.tiled = TiledNetwork(model, settings)
        self.place = self.tiled.place

    def denoise(self, micrograph: Micrograph) -> Iterator[DenoisingEvent]:
        """Denoise one micrograph.

        Yields
        ------
        DenoisingEvent
            ``TileFinished`` for each tile, then ``MicrographDenoised`` with a ``(h, w)``
            float32 micrograph in the input's gray scale and Å/px.

        Raises
        ------
        MicrographError
            F24 for NaN or infinite pixels, F25 for no contrast.
        TrainingError
            T09 when not even the smallest tile fits into memory.
        """
        scale, doubts = scale_for(self.model, micrograph.pixel_size)
        height, width = micrograph.shape
        resampling = Resampling(height, width, scale)
        with torch.inference_mode():  # never around a yield: it would leak to the caller
            raw = devices.sent(micrograph.data, self.place.device)
            gray = self._gray_scale(raw, micrograph, scale)
            scored = gray.apply(raw)
            # Asked for when the network is at work, which is queued on a GPU before it is done with these.
            clipped = devices.later((scored.abs() >= CLIP).sum())
            spectrum = ice_ring.spectrum(scored) if self._passes_ring or self._weighs_rings else None
            working = resampling.reduce(scored)
            spread = typical(working[None]) if scale != 1 else 1.0
            working = working / spread
            del scored
        denoised = yield from self.tiled.output(working)
        pixel_size = micrograph.pixel_size or ASSUMED
        sure = None
        with torch.inference_mode():
            if spectrum and self._weighs_rings:
                noise = ring_gains.floor(spectrum, pixel_size, scale, float(spread))
                denoised, error = ring_gains.combined(working, denoised, self.tiled.at_once, noise)
                if error is not None and self._gives_confidence:
                    borne_out = resampling.enlarge(confidence(denoised, error, pixel_size * scale))
                    sure = replace(micrograph, data=devices.fetched(borne_out.clamp(0.5, 1)), warnings=())
            signal = resampling.enlarge(denoised)
            signal *= spread
            ring = ice_ring.gains(spectrum, pixel_size) if spectrum and self._passes_ring else None
            if ring is not None:
                signal = ice_ring.restored(signal, raw, gray, ring)
            pixels = devices.fetched(gray.undo(signal))
        warnings = micrograph.warnings + _hot_pixels(int(clipped()), pixels.size) + doubts
        if self._gives_confidence and sure is None:
            warnings += ("no confidence: it needs ring gains, and a micrograph of 256 px a side or more",)
        yield MicrographDenoised(replace(micrograph, data=pixels, warnings=warnings), sure)

    def _gray_scale(self, raw: Tensor, micrograph: Micrograph, scale: float) -> Normalization:
        name = micrograph.path or micrograph.name
        if not bool(torch.isfinite(torch.stack(torch.aminmax(raw))).all()):  # of a NaN both are NaN
            raise non_finite(micrograph.data).error(name)
        if self.model.scale == "positive":
            return positive(micrograph.data, name)
        rows, tops = bands(micrograph.shape, scale)
        return measured(torch.stack([raw[top : top + rows] for top in tops]), name)


def _hot_pixels(count: int, pixels: int) -> tuple[str, ...]:
    usual = count <= USUAL_OUTLIERS * pixels
    return () if usual else (f"{count:,} pixels beyond {CLIP:g} standard deviations, clipped",)


def denoise(micrograph: Micrograph, model: Model, settings: DenoisingSettings) -> Iterator[DenoisingEvent]:
    """Denoise one micrograph with a model; see `Denoiser.denoise`."""
    yield from Denoiser(model, settings).denoise(micrograph)


def tiles(events: Iterator[DenoisingEvent]) -> Generator[TileFinished, None, MicrographDenoised]:
    """Pass the tiles on and return what they make."""
    for event in events:
        if isinstance(event, MicrographDenoised):
            return event
        yield event
    raise AssertionError("denoising always ends with its result")
