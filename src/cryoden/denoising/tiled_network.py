"""A network over a micrograph of any size, tile by tile, in the memory there is."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import product
from typing import cast

import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.compute.fused_baseline import FusedBaseline, available
from cryoden.compute.place import Place
from cryoden.errors import TrainingError
from cryoden.events.batch import TileFinished
from cryoden.image.tiling import Tiling, rounded_up
from cryoden.micrograph import Array
from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import conditioned, unknown
from cryoden.model.networks import Network, build, loaded
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
        self.follow(unknown())
        self._fused = self._fused_step(model, settings)
        self._edge = settings.tile or self._edge_from_memory()

    @property
    def follows(self) -> bool:
        """Whether the network is another for each micrograph."""
        return self._followed is not None

    def follow(self, known: Array) -> None:
        """Become the network for a micrograph of which this is known; see `cryoden.model.conditioning`."""
        if self._followed is not None:
            numbers = torch.from_numpy(known).float().to(self.place.device)
            self.network.load_state_dict(self._followed.adapted(numbers))

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
            tiling = Tiling(height, width, self._edge, self.network.halo, self.network.stride)
            with devices.out_of_memory_caught():  # left before shrinking: its traceback keeps tensors alive
                yield from self._filled(denoised, tiling, working)
                complete = True
            if not complete:
                self._shrink(max(height, width))
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

    def _fused_step(self, model: Model, settings: DenoisingSettings) -> FusedBaseline | None:
        """Return the baseline in one kernel, where it can be had and no number format is asked for."""
        wanted = model.network == "baseline" and settings.precision == "auto"
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
            on_cpu = self.place.device.type == "cpu"
            fix = "Free some memory, or raise its limit" if on_cpu else "Choose the CPU as device"
            raise TrainingError("T09", None, "out of memory with the smallest tile", fix=fix)
        self._edge = rounded_up(min(self._edge, longer) // 2, self.network.stride)
        if self.place.device.type == "cuda":
            torch.cuda.empty_cache()
