"""A network over a micrograph of any size, tile by tile, in the memory there is."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from itertools import product
from typing import cast

import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.errors import TrainingError
from cryoden.events.batch import TileFinished
from cryoden.image.tiling import BORDER, Tile, Tiling, rounded_up, within
from cryoden.kernels.fused_baseline import FusedBaseline, available
from cryoden.micrograph import Array
from cryoden.model import float16_unet, strips
from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import conditioned, unknown
from cryoden.model.networks import Network, UNet, build, loaded
from cryoden.model.place import Place
from cryoden.settings.denoising import DenoisingSettings

TILE_LIMITS = (128, 8192)


class TiledNetwork:
    """The network of a model on its device.

    Parameters
    ----------
    model : Model
        What was trained.
    settings : DenoisingSettings
        Device, number format, tile size and orientations.
    """

    def __init__(self, model: Model, settings: DenoisingSettings) -> None:
        self.orientations = settings.orientations
        device = devices.resolve(settings.device)
        self.place = Place(device, devices.denoising_format(settings.precision, device))
        followed, network = conditioned(model), build(model.network, 0, model)
        self.network: Network = (network if followed is not None else loaded(network, model)).eval()
        self.network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
        self._followed = followed.to(device) if followed is not None else None
        self._quick: float16_unet.Float16UNet | None = None
        self.follow(unknown())
        self._fused = self._fused_step(model, settings)
        if self.place.number_format is torch.float16:
            self._quick = float16_unet.quick(self.network, device)
        self._striped = device.type == "cpu" and isinstance(self.network, UNet) and len(self.network.up) > 0
        self._edge, self._most = settings.tile, self._most_pixels()

    @property
    def follows(self) -> bool:
        """Whether the network is another for each micrograph."""
        return self._followed is not None

    def follow(self, known: Array) -> None:
        """Become the network for a micrograph of which this is known; see `cryoden.model.conditioning`."""
        if self._followed is not None:
            self.take(torch.from_numpy(known).float().to(self.place.device))

    def take(self, numbers: Tensor) -> None:
        """Do what `follow` does with ``(KNOWN,)`` float32 numbers on the device, which is not waited for."""
        if self._followed is not None:
            self.network.load_state_dict(self._followed.adapted(numbers))
            if self._quick is not None:
                self._quick.take()

    def output(self, working: Tensor) -> Generator[TileFinished, None, Tensor]:
        """Yield each tile that is done, and return the network's output for ``(h, w)`` working pixels.

        Raises
        ------
        TrainingError
            T09 when not even the smallest tile fits into memory.
        """
        height, width = working.shape
        denoised = torch.empty_like(working)
        complete = False
        while not complete:
            edge = self._edge or self._edge_from_memory(height, width)
            tiling = Tiling(height, width, edge, self.network.halo, self.network.stride)
            with devices.out_of_memory_caught():  # left before shrinking: its traceback keeps tensors alive
                yield from self._filled(denoised, tiling, working)
                complete = True
            if not complete:
                self._shrink(min(edge, max(height, width)))
        return denoised

    def at_once(self, working: Tensor) -> Tensor:
        """Return the network's output for ``(h, w)`` working pixels; errors as `output`."""
        events = self.output(working)
        while True:
            try:
                next(events)
            except StopIteration as end:
                return cast("Tensor", end.value)

    def _filled(self, denoised: Tensor, tiling: Tiling, working: Tensor) -> Iterator[TileFinished]:
        with torch.inference_mode(), devices.reproducible():
            padded = tiling.padded(working)
        tiles, done = tiling.tiles(), 0
        total = len(tiles) * self.orientations * (strips.steps(self.network) if self._striped else 1)  # type: ignore[arg-type]  # a U-Net
        for tile in tiles:
            place = denoised[tile.top : tile.bottom, tile.left : tile.right]
            parts = self._into(place, tiling, tile, padded)
            while self._goes_on(parts):
                done += 1
                yield TileFinished(done, total)

    def _goes_on(self, parts: Iterator[None]) -> bool:
        """Do the next part, and tell whether there was one."""
        with torch.inference_mode(), devices.reproducible(), self.place.formatted():
            return next(parts, self) is None

    def _into(self, place: Tensor, tiling: Tiling, tile: Tile, padded: Tensor) -> Iterator[None]:
        """Fill the place of a tile, and yield after each part of the work."""
        output = yield from self._predicted(tiling.cut(padded, tile)[None, None], tiling.outside)
        place[:] = tiling.core(output[0, 0], tile)
        yield

    def _predicted(self, noisy: Tensor, margin: int) -> Generator[None, None, Tensor]:
        """Yield between the parts of the work, and return the network's output without a margin."""
        if self.orientations == 1:
            return (yield from self._outputs(noisy, margin))
        total = torch.zeros_like(within(noisy, margin))
        for turns, mirror in product(range(4), (False, True)):
            if turns or mirror:
                yield
            turned = torch.rot90(noisy.flip(-1) if mirror else noisy, turns, (-2, -1))
            back = torch.rot90((yield from self._outputs(turned, margin)), -turns, (-2, -1))
            total += back.flip(-1) if mirror else back
        return total / 8

    def _fused_step(self, model: Model, settings: DenoisingSettings) -> FusedBaseline | None:
        """Return the baseline in one kernel, where it can be had and no number format is asked for."""
        wanted = model.network == "baseline" and settings.precision == "auto"
        if not wanted or self.place.device.type != "cuda" or available(self.place.device):
            return None
        return FusedBaseline(self.network, self.place.device)  # type: ignore[arg-type]  # it is the baseline

    def _outputs(self, noisy: Tensor, margin: int) -> Generator[None, None, Tensor]:
        if self._striped:
            return (yield from strips.striped(self.network, noisy, margin)).float()  # type: ignore[arg-type]  # a U-Net
        if self._fused:
            return within(self._fused.forward(noisy), margin)
        if self._quick is not None:
            return within(self._quick(noisy), margin)
        return within(self.place.predict(self.network, noisy), margin)

    def _most_pixels(self) -> int:
        """Return how large a tile with its halo may be."""
        free = devices.free_memory(self.place.device)
        if self._striped:
            return free // strips.bytes_per_pixel(self.network)  # type: ignore[arg-type]  # a U-Net
        return int(free / 2 / self.network.bytes_per_pixel)

    def _edge_from_memory(self, height: int, width: int) -> int:
        least, most = TILE_LIMITS
        if (height + 2 * BORDER) * (width + 2 * BORDER) <= self._most:
            return min(most, max(height, width))
        return min(most, max(least, math.isqrt(self._most) - 2 * self.network.halo))

    def _shrink(self, edge: int) -> None:
        if edge <= self.network.stride:
            on_cpu = self.place.device.type == "cpu"
            fix = "Free some memory, or raise its limit" if on_cpu else "Choose the CPU as device"
            raise TrainingError("T09", None, "out of memory with the smallest tile", fix=fix)
        self._edge = rounded_up(edge // 2, self.network.stride)
        if self.place.device.type == "cuda":
            torch.cuda.empty_cache()
