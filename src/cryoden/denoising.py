"""From a micrograph and a model to a denoised micrograph, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from cryoden import devices
from cryoden.checkpoint import Model
from cryoden.errors import TrainingError
from cryoden.events import DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.micrograph import Micrograph, Pixels
from cryoden.networks import Network, build, loaded
from cryoden.normalization import CLIP, measure
from cryoden.optimization import Place
from cryoden.settings import DenoisingSettings
from cryoden.stored import not_numbers
from cryoden.tiling import Tile, Tiling, rounded_up

BYTES_PER_PIXEL = 240  # of a tile with its halo, peak, float32 U-Net; measured
TILE_LIMITS = (128, 8192)
SAME_PIXEL_SIZE = 0.05
USUAL_OUTLIERS = 1e-5  # share of pixels beyond the clip that is no reason to bother anyone


class Denoiser:
    """A model on its device, ready for any number of micrographs.

    Parameters
    ----------
    model : Model
        What was trained.
    settings : DenoisingSettings
        Device, number format and tile size.
    """

    def __init__(self, model: Model, settings: DenoisingSettings) -> None:
        self.pixel_size = model.pixel_size
        device = devices.resolve(settings.device)
        self.place = Place(device, devices.number_format(settings.precision, device))
        self.network: Network = loaded(build(model.network, 0), model).eval()
        self.network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
        self._edge = settings.tile or self._edge_from_memory()

    def denoise(self, micrograph: Micrograph) -> Iterator[DenoisingEvent]:
        """Denoise one micrograph.

        Yields
        ------
        DenoisingEvent
            ``TileFinished`` for each tile, then ``MicrographDenoised`` with a ``(h, w)``
            float32 micrograph in the input's grey scale and Å/px.

        Raises
        ------
        MicrographError
            F24 for NaN or infinite pixels, F25 for no contrast.
        TrainingError
            T09 when not even the smallest tile fits into memory.
        """
        missing = not_numbers(micrograph.data)
        if missing.count:
            raise missing.error(micrograph.path or micrograph.name)
        scale = measure(micrograph)
        scored = scale.apply(micrograph.data)
        height, width = micrograph.shape
        denoised = np.empty((height, width), np.float32)
        complete = False
        while not complete:
            tiling = Tiling(height, width, self._edge, self.network.halo, self.network.stride)
            with devices.out_of_memory_caught():  # left before shrinking: its traceback keeps tensors alive
                yield from self._filled(denoised, tiling, scored)
                complete = True
            if not complete:
                self._shrink(max(height, width))
        warnings = micrograph.warnings + _hot_pixels(scored) + self._doubts(micrograph)
        yield MicrographDenoised(replace(micrograph, data=scale.undo(denoised), warnings=warnings))

    def _filled(self, denoised: Pixels, tiling: Tiling, scored: Pixels) -> Iterator[TileFinished]:
        padded = tiling.padded(scored)
        tiles = tiling.tiles()
        for done, tile in enumerate(tiles, start=1):
            denoised[tile.top : tile.bottom, tile.left : tile.right] = self._core(padded, tiling, tile)
            yield TileFinished(done, len(tiles))

    def _core(self, padded: Pixels, tiling: Tiling, tile: Tile) -> Pixels:
        cut = np.ascontiguousarray(tiling.cut(padded, tile))
        with torch.inference_mode(), devices.reproducible():
            noisy = torch.from_numpy(cut)[None, None].to(self.place.device, memory_format=torch.channels_last)
            output: Pixels = self.place.predict(self.network, noisy)[0, 0].cpu().numpy()
        return tiling.core(output, tile)

    def _doubts(self, micrograph: Micrograph) -> tuple[str, ...]:
        here, there = micrograph.pixel_size, self.pixel_size
        if here is None or there is None or abs(here / there - 1) <= SAME_PIXEL_SIZE:
            return ()
        return (f"the model was trained at {there:.3g} Å/px, this micrograph has {here:.3g} Å/px",)

    def _edge_from_memory(self) -> int:
        least, most = TILE_LIMITS
        side = int((devices.free_memory(self.place.device) / 2 / BYTES_PER_PIXEL) ** 0.5)
        return min(most, max(least, side - 2 * self.network.halo))

    def _shrink(self, longer: int) -> None:
        if self._edge <= self.network.stride:
            raise TrainingError(
                "T09", None, "out of memory with the smallest tile", fix="Choose the CPU as device"
            )
        self._edge = rounded_up(min(self._edge, longer) // 2, self.network.stride)
        if self.place.device.type == "cuda":
            torch.cuda.empty_cache()


def _hot_pixels(scored: Pixels) -> tuple[str, ...]:
    count = int(np.count_nonzero(np.abs(scored) >= CLIP))
    share = count / scored.size
    return (
        (f"{count:,} pixels beyond {CLIP:g} standard deviations, clipped",) if share > USUAL_OUTLIERS else ()
    )


def denoise(micrograph: Micrograph, model: Model, settings: DenoisingSettings) -> Iterator[DenoisingEvent]:
    """Denoise one micrograph with a model; see `Denoiser.denoise`."""
    yield from Denoiser(model, settings).denoise(micrograph)
