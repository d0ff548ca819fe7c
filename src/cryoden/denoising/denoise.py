"""From a micrograph and a model to a denoised micrograph, all on the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.denoising import contrast_sign, coverage, ice_ring, nothing_left, ring_gains
from cryoden.denoising.confidence import UNSURE, confidence
from cryoden.denoising.ring_covariances import usual
from cryoden.denoising.signal_ratios import ratios
from cryoden.denoising.tiled_network import TiledNetwork
from cryoden.denoising.usual_way import Choices, Kind, Made, UsualWays
from cryoden.errors import Remark
from cryoden.events.batch import DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.events.quality import Coverage
from cryoden.image.blank_regions import blank, filled
from cryoden.image.normalization import CLIP, Normalization, bands, measured, positive, typical
from cryoden.image.resampling import LOBES, Resampling
from cryoden.io.mrc_validation import no_contrast
from cryoden.io.mrc_windows import non_finite
from cryoden.micrograph import Array, Micrograph
from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import unknown
from cryoden.model.pixel_scale import believed, scale_for
from cryoden.settings.denoising import DenoisingSettings


@dataclass(frozen=True, eq=False)
class _Seen:
    """A micrograph as a network sees it."""

    raw: Tensor
    gray: Normalization
    empty: Tensor | None
    working: Tensor
    spread: float
    spectrum: ice_ring.Spectrum | None
    clipped: Callable[[], Tensor]


class Denoiser:
    """A model on its device, ready for any number of micrographs.

    Parameters
    ----------
    model : Model
        What was trained.
    settings : DenoisingSettings
        Device, number format, tile size and orientations.

    Attributes
    ----------
    turn : context manager
        Entered while a GPU is given its work piece by piece: several threads would only wait for each other.
    """

    def __init__(self, model: Model, settings: DenoisingSettings) -> None:
        self.turn: AbstractContextManager[object] = nullcontext()
        self.model, self._scenes = model, coverage.Scenes.of(model)
        self._passes_ring = settings.ice_ring and (model.working_pixel or 0) * 2 >= ice_ring.RING[0]
        self._weighs_rings = settings.ring_gains and model.scale == "z-score"
        self._gives_confidence = settings.confidence
        self.tiled = TiledNetwork(model, settings)
        self.place = self.tiled.place
        self._wants_ratios = self.tiled.follows or self._scenes is not None
        self._inverts = settings.invert
        self._seeks_sign = contrast_sign.is_sought(model, settings)
        usually = self._weighs_rings and not self._gives_confidence
        choices = Choices(self._passes_ring, self._wants_ratios, self._seeks_sign, self._inverts)
        self._ways = UsualWays(self.tiled, choices) if usually and self.place.device.type == "cuda" else None

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
        pixel_size = micrograph.pixel_size or believed(self.model, scale)
        kind = Kind(micrograph.shape, scale, pixel_size, micrograph.pixel_size is not None)
        if self._ways is not None and (made := self._ways.made(kind, micrograph.data)) is not None:
            yield TileFinished(1, 1)
            yield MicrographDenoised(self._named(micrograph, made, doubts), statistics=made.statistics)
            return
        with self.turn:
            yield from self._step_by_step(micrograph, resampling, (scale, pixel_size), doubts)

    def _step_by_step(
        self,
        micrograph: Micrograph,
        resampling: Resampling,
        pixel: tuple[float, float],
        doubts: tuple[Remark, ...],
    ) -> Iterator[DenoisingEvent]:
        """Denoise a micrograph of any kind; ``pixel`` are the working pixel over its own, and that in Å."""
        scale, pixel_size = pixel
        with torch.inference_mode():  # never around a yield: it would leak to the caller
            seen = self._seen(micrograph, resampling, scale)
            noise = self._floor(seen, pixel_size, scale)
            weight = usual(seen.working) if self._wants_ratios or self._weighs_rings else None
            known = self._known(seen, pixel_size, scale, weight) if self._wants_ratios else unknown()
            self.tiled.follow(known)
        denoised, sign, said = yield from contrast_sign.output(
            self.tiled, seen.working, seek_sign=self._seeks_sign
        )
        with torch.inference_mode():
            strength = devices.later(denoised.std(correction=0))
            used = noise if self._weighs_rings else None
            working = sign * seen.working
            weighed = ring_gains.combined(working, denoised, self.tiled.at_once, used, weight)
            sure = None if weighed is None else self._sure(weighed, noise, pixel_size * scale)
            denoised = denoised if weighed is None else weighed
            signal = resampling.enlarge(denoised).mul_(sign * seen.spread)
            pixels = devices.fetched(self._finished(signal, seen, micrograph.pixel_size))
            sure = None if sure is None else resampling.enlarge(sure, LOBES).clamp(0.5, 1)
            borne_out = None if sure is None else devices.fetched(sure)
        made = Made(pixels, known, int(seen.clipped()), float(strength()))
        said += (UNSURE,) if self._gives_confidence and sure is None else ()
        yield MicrographDenoised(
            self._named(micrograph, made, doubts + said),
            None if borne_out is None else replace(micrograph, data=borne_out, warnings=()),
        )

    def _named(self, micrograph: Micrograph, made: Made, said: tuple[Remark, ...]) -> Micrograph:
        """Return the result for a micrograph, with what is odd about both."""
        found = nothing_left.remark(made.strength) if self.model.scale == "z-score" else ()
        found += coverage.remarks(self._covered(made.known))
        hot = coverage.clipped(made.clipped, made.pixels.size)
        return replace(micrograph, data=made.pixels, warnings=micrograph.warnings + hot + said + found)

    def known(self, micrograph: Micrograph) -> Array:
        """Return what its spectrum says of a micrograph; see `cryoden.denoising.signal_ratios`."""
        scale, _ = scale_for(self.model, micrograph.pixel_size)
        pixel_size = micrograph.pixel_size or believed(self.model, scale)
        with torch.inference_mode():
            seen = self._seen(micrograph, Resampling(*micrograph.shape, scale), scale)
            return self._known(seen, pixel_size, scale)

    def _known(self, seen: _Seen, pixel_size: float, scale: float, weight: Tensor | None = None) -> Array:
        """Return what a network follows, which learned from scenes whose noise was known and in no doubt."""
        undoubted = self._floor(seen, pixel_size, scale, doubt=0.0)
        return ratios(seen.working, undoubted, pixel_size * scale, weight)

    def coverage(self, micrograph: Micrograph) -> Coverage | None:
        """Return how far the model's training covers a micrograph, where both say enough."""
        return self._covered(self.known(micrograph))

    def _covered(self, known: Array) -> Coverage | None:
        return None if self._scenes is None else self._scenes.coverage(known)

    def _seen(self, micrograph: Micrograph, resampling: Resampling, scale: float) -> _Seen:
        """Return what the network shall see, and what is needed to go back from it."""
        raw = devices.sent(micrograph.data, self.place.device)
        gray, empty = self._gray_scale(raw, micrograph, scale)
        scored = self._scored(raw, gray, empty)
        # Asked for when the network is at work, which is queued on a GPU before it is done with these.
        clipped = devices.later((scored >= CLIP).sum() + (scored <= -CLIP).sum())
        is_asked = self._passes_ring or self._weighs_rings or self._wants_ratios
        spectrum = ice_ring.spectrum(scored) if is_asked else None
        working = resampling.reduce(scored)
        spread = float(typical(working[None])) if scale != 1 else 1.0
        return _Seen(raw, gray, empty, working / spread, spread, spectrum, clipped)

    def _floor(
        self, seen: _Seen, pixel_size: float, scale: float, doubt: float = ring_gains.DOUBT
    ) -> ring_gains.Floor | None:
        """Return the noise of the working pixels, where it is asked for and can be known."""
        known = seen.spectrum if self._weighs_rings or self._wants_ratios else None
        return ring_gains.floor(known, pixel_size, scale, seen.spread, doubt) if known else None

    def _finished(self, signal: Tensor, seen: _Seen, pixel_size: float | None) -> Tensor:
        """Return z-scored pixels with the ring of ice, in the micrograph's gray scale."""
        signal = contrast_sign.turned(signal, seen.gray) if self._inverts else signal
        # Where the pixel size is not known, neither is where in the spectrum the ring would be.
        known = seen.spectrum if self._passes_ring else None
        ring = ice_ring.gains(known, pixel_size) if known and pixel_size is not None else None
        if ring is not None:
            signal = ice_ring.restored(signal, seen.raw, seen.gray, ring)
        result = seen.gray.undo(signal)
        return result if seen.empty is None else torch.where(seen.empty, seen.raw, result)

    def _sure(self, denoised: Tensor, noise: ring_gains.Floor | None, pixel_size: float) -> Tensor | None:
        """Return the confidence of working pixels, where it is asked for and can be known."""
        known = noise if self._gives_confidence else None
        return None if known is None else confidence(denoised, known, pixel_size)

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
        least, most = torch.stack(torch.aminmax(raw)).tolist()
        if not (math.isfinite(least) and math.isfinite(most)):  # of a NaN both are NaN
            raise non_finite(micrograph.data).error(name)
        if least == most:
            raise no_contrast(name, least)
        if self.model.scale == "positive":
            return positive(micrograph.data, name), None
        rows, tops = bands(micrograph.shape, scale)
        found = blank(raw[None])
        empty = None if found is None else found[0]
        sample = torch.stack([raw[top : top + rows] for top in tops])
        if empty is not None:
            sample = sample[~torch.stack([empty[top : top + rows] for top in tops])]
        return measured(sample, name), empty


def denoise(micrograph: Micrograph, model: Model, settings: DenoisingSettings) -> Iterator[DenoisingEvent]:
    """Denoise one micrograph with a model; see `Denoiser.denoise`."""
    yield from Denoiser(model, settings).denoise(micrograph)


def finished(events: Iterator[DenoisingEvent]) -> MicrographDenoised:
    """Return what the tiles make."""
    return next(event for event in events if isinstance(event, MicrographDenoised))


def tiles(events: Iterator[DenoisingEvent]) -> Generator[TileFinished, None, MicrographDenoised]:
    """Pass the tiles on and return what they make."""
    for event in events:
        if isinstance(event, MicrographDenoised):
            return event
        yield event
    raise AssertionError("denoising always ends with its result")
