"""From a micrograph and a model to a denoised micrograph, all on the device."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.denoising import contrast_sign, ice_ring, nothing_left, ring_gains
from cryoden.denoising.tiled_network import TiledNetwork
from cryoden.events.batch import DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.image.blank_regions import blank, filled
from cryoden.image.normalization import CLIP, Normalization, bands, measured, positive, typical
from cryoden.image.resampling import Resampling
from cryoden.io.mrc_windows import non_finite
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import Model
from cryoden.model.pixel_scale import believed, scale_for
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
        self.tiled = TiledNetwork(model, settings)
        self.place = self.tiled.place
        self._inverts = settings.invert
        self._seeks_sign = contrast_sign.is_sought(model, settings)

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
        resampling = Resampling(*micrograph.shape, scale)
        with torch.inference_mode():  # never around a yield: it would leak to the caller
            raw = devices.sent(micrograph.data, self.place.device)
            gray, empty = self._gray_scale(raw, micrograph, scale)
            scored = self._scored(raw, gray, empty)
            # Asked for when the network is at work, which is queued on a GPU before it is done with these.
            clipped = devices.later((scored.abs() >= CLIP).sum())
            spectrum = ice_ring.spectrum(scored) if self._passes_ring or self._weighs_rings else None
            working = resampling.reduce(scored)
            spread = typical(working[None]) if scale != 1 else 1.0
            working = working / spread
            del scored
        denoised, sign, said = yield from contrast_sign.output(
            self.tiled, working, seek_sign=self._seeks_sign
        )
        with torch.inference_mode():
            strength = devices.later(denoised.std(correction=0))
            pixel_size = micrograph.pixel_size or believed(self.model, scale)
            if spectrum and self._weighs_rings:
                noise = ring_gains.floor(spectrum, pixel_size, scale, float(spread))
                denoised = ring_gains.combined(sign * working, denoised, self.tiled.at_once, noise)
            signal = resampling.enlarge(denoised).mul_(sign * spread)
            signal = contrast_sign.turned(signal, gray) if self._inverts else signal
            # Where the pixel size is not known, neither is where in the spectrum the ring would be.
            sought = self._passes_ring and micrograph.pixel_size is not None
            ring = ice_ring.gains(spectrum, pixel_size) if spectrum and sought else None
            if ring is not None:
                signal = ice_ring.restored(signal, raw, gray, ring)
            pixels = devices.fetched(_with_blanks(gray.undo(signal), raw, empty))
        found = (*said, *(nothing_left.remark(float(strength())) if self.model.scale == "z-score" else ()))
        warnings = micrograph.warnings + _hot_pixels(int(clipped()), pixels.size) + doubts + found
        yield MicrographDenoised(replace(micrograph, data=pixels, warnings=warnings))

    def _scored(self, raw: Tensor, gray: Normalization, empty: Tensor | None) -> Tensor:
        """Return what the network shall see, before it is reduced: dark particles, and nothing blank."""
        scored = gray.apply(raw)
        scored = contrast_sign.turned(scored, gray) if self._inverts else scored
        return scored if empty is None else filled(scored, empty)

    def _gray_scale(
        self, raw: Tensor, micrograph: Micrograph, scale: float
    ) -> tuple[Normalization, Tensor | None]:
        """Return the gray scale, and where the micrograph is blank."""
        name = micrograph.path or micrograph.name
        if not bool(torch.isfinite(torch.stack(torch.aminmax(raw))).all()):  # of a NaN both are NaN
            raise non_finite(micrograph.data).error(name)
        if self.model.scale == "positive":
            return positive(micrograph.data, name), None
        rows, tops = bands(micrograph.shape, scale)
        found = blank(raw[None])
        empty = None if found is None else found[0]
        sample = torch.stack([raw[top : top + rows] for top in tops])
        if empty is not None:
            sample = sample[~torch.stack([empty[top : top + rows] for top in tops])]
        return measured(sample, name), empty


def _with_blanks(result: Tensor, raw: Tensor, empty: Tensor | None) -> Tensor:
    return result if empty is None else torch.where(empty, raw, result)


def _hot_pixels(count: int, pixels: int) -> tuple[str, ...]:
    usual = count <= USUAL_OUTLIERS * pixels
    return () if usual else (f"{count:,} pixels beyond {CLIP:g} standard deviations, clipped",)


def denoise(micrograph: Micrograph, model: Model, settings: DenoisingSettings) -> Iterator[DenoisingEvent]:
    """Denoise one micrograph with a model; see `Denoiser.denoise`."""
    yield from Denoiser(model, settings).denoise(micrograph)


def tiles(events: Iterator[DenoisingEvent]) -> Generator[TileFinished, None, Micrograph]:
    """Pass the tiles on and return the micrograph they make."""
    for event in events:
        if isinstance(event, MicrographDenoised):
            return event.micrograph
        yield event
    raise AssertionError("denoising always ends with its result")
