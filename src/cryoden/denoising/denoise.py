"""From a micrograph and a model to a denoised micrograph, all on the device."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import product

import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.compute.fused_baseline import FusedBaseline, available
from cryoden.compute.place import Place
from cryoden.denoising import ice_ring
from cryoden.errors import TrainingError
from cryoden.events.batch import DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.image.normalization import CLIP, Normalization, bands, measured, positive, typical
from cryoden.image.resampling import Resampling
from cryoden.image.tiling import Tiling, rounded_up
from cryoden.io.mrc_windows import non_finite
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import Model
from cryoden.model.networks import Network, build, loaded
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
        self.orientations = settings.orientations
        self._passes_ring = settings.ice_ring and (model.working_pixel or 0) * 2 >= ice_ring.RING[0]
        device = devices.resolve(settings.device)
        self.place = Place(device, devices.denoising_format(settings.precision, device))
        self.network: Network = loaded(build(model.network, 0, model), model).eval()
        self.network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
        self._fused = self._fused_step(settings)
        self._edge = settings.tile or self._edge_from_memory()

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
            spectrum = ice_ring.spectrum(scored) if self._passes_ring else None
            working = resampling.reduce(scored)
            spread = typical(working[None]) if scale != 1 else 1.0
            working = working / spread
            del scored
        denoised = yield from self._tiled(working)
        with torch.inference_mode():
            signal = resampling.enlarge(denoised)
            signal *= spread
            ring = ice_ring.gains(spectrum, micrograph.pixel_size or ASSUMED) if spectrum else None
            if ring is not None:
                signal = ice_ring.restored(signal, raw, gray, ring)
            pixels = devices.fetched(gray.undo(signal))
        warnings = micrograph.warnings + _hot_pixels(int(clipped()), pixels.size) + doubts
        yield MicrographDenoised(replace(micrograph, data=pixels, warnings=warnings))

    def _gray_scale(self, raw: Tensor, micrograph: Micrograph, scale: float) -> Normalization:
        name = micrograph.path or micrograph.name
        if not bool(torch.isfinite(torch.stack(torch.aminmax(raw))).all()):  # of a NaN both are NaN
            raise non_finite(micrograph.data).error(name)
        if self.model.scale == "positive":
            return positive(micrograph.data, name)
        rows, tops = bands(micrograph.shape, scale)
        return measured(torch.stack([raw[top : top + rows] for top in tops]), name)

    def _tiled(self, working: Tensor) -> Generator[TileFinished, None, Tensor]:
        height, width = working.shape
        denoised = torch.empty_like(working)
        complete = False
        while not complete:
            tiling = Tiling(height, width, self._edge, self.network.halo, self.network.stride)
            with devices.out_of_memory_caught():  # left before shrinking: its traceback keeps tensors alive
                yield from self._filled(denoised, tiling, working)
                complete = True
            if not complete:
                self._shrink(max(height, width))
        return denoised

    def _filled(self, denoised: Tensor, tiling: Tiling, working: Tensor) -> Iterator[TileFinished]:
        padded = tiling.padded(working)
        tiles = tiling.tiles()
        for done, tile in enumerate(tiles, start=1):
            with torch.inference_mode(), devices.reproducible():
                output = self._predicted(tiling.cut(padded, tile)[None, None])
                denoised[tile.top : tile.bottom, tile.left : tile.right] = tiling.core(output[0, 0], tile)
            yield TileFinished(done, len(tiles))

    def _predicted(self, noisy: Tensor) -> Tensor:
        if self.orientations == 1:
            return self._outputs(noisy)
        total = torch.zeros_like(noisy)
        for turns, mirror in product(range(4), (False, True)):
            turned = torch.rot90(noisy.flip(-1) if mirror else noisy, turns, (-2, -1))
            back = torch.rot90(self._outputs(turned), -turns, (-2, -1))
            total += back.flip(-1) if mirror else back
        return total / 8

    def _fused_step(self, settings: DenoisingSettings) -> FusedBaseline | None:
        """Return the baseline in one kernel, where it can be had and no number format is asked for."""
        wanted = self.model.network == "baseline" and settings.precision == "auto"
        if not wanted or self.place.device.type != "cuda" or available(self.place.device):
            return None
        return FusedBaseline(self.network, self.place.device)  # type: ignore[arg-type]  # it is the baseline

    def _outputs(self, noisy: Tensor) -> Tensor:
        return self._fused.forward(noisy) if self._fused else self.place.predict(self.network, noisy)

    def _edge_from_memory(self) -> int:
        least, most = TILE_LIMITS
        side = int((devices.free_memory(self.place.device) / 2 / self.network.bytes_per_pixel) ** 0.5)
        return min(most, max(least, side - 2 * self.network.halo))

    def _shrink(self, longer: int) -> None:
        if self._edge <= self.network.stride:
            raise TrainingError(
                "T09", None, "out of memory with the smallest tile", fix="Choose the CPU as device"
            )
        self._edge = rounded_up(min(self._edge, longer) // 2, self.network.stride)
        if self.place.device.type == "cuda":
            torch.cuda.empty_cache()


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
