from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from cryoden.denoising.denoise import Denoiser, denoise
from cryoden.errors import TrainingError
from cryoden.events.batch import TileFinished
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import NetworkName
from tests.cryoden.denoising.test_denoise import denoised, model, result
from tests.cryoden.scenes import scene


@pytest.mark.parametrize(
    ("name", "scale", "shape", "tiles"),
    [
        ("baseline", 1.0, (231, 157), (100, 176)),
        ("baseline", 2.5, (231, 157), (32, 48)),
        ("unet", 1.0, (231, 157), (100, 176)),
        ("unet", 1.0, (33, 300), (64,)),
        ("unet", 2.5, (231, 157), (48, 80)),
        ("unet", 4.7, (431, 297), (32, 64)),
    ],
)
def test_tiled_equals_untiled_at_any_tile_size_and_scale(
    name: NetworkName, scale: float, shape: tuple[int, int], tiles: tuple[int, ...]
) -> None:
    micrograph = scene(1, shape).even
    whole = denoised(micrograph, name, 4096, scale=scale)
    for tile in tiles:
        difference = np.abs(denoised(micrograph, name, tile, scale=scale) - whole).max()
        assert difference <= 2e-5 * micrograph.data.std()  # random weights round worse than trained ones


def test_each_tile_is_told_once_and_in_order() -> None:
    events = list(denoise(scene(2).even, model("baseline"), DenoisingSettings(device="cpu", tile=64)))
    tiles = [event for event in events if isinstance(event, TileFinished)]
    assert [(tile.done, tile.total) for tile in tiles] == [(i, 9) for i in range(1, 10)]


class Cramped(torch.nn.Module):
    """A network on a device whose memory ends at a given tile edge."""

    halo, stride = 3, 1

    def __init__(self, network: torch.nn.Module, limit: int) -> None:
        super().__init__()
        self.network, self.limit, self.refused = network, limit, list[int]()

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        if noisy.shape[-1] > self.limit:
            self.refused.append(noisy.shape[-1])
            raise torch.OutOfMemoryError("out of memory")
        output: torch.Tensor = self.network(noisy)
        return output


def test_out_of_memory_halves_the_tile_and_changes_no_pixel() -> None:
    micrograph = scene(1).even
    denoiser = Denoiser(model("baseline"), DenoisingSettings(device="cpu", tile=192))
    cramped = Cramped(denoiser.tiled.network, 60)
    denoiser.tiled.network = cramped  # type: ignore[assignment]  # looks the same from outside
    out = result(list(denoiser.denoise(micrograph)))
    assert all(small < large for large, small in pairwise(cramped.refused))
    np.testing.assert_allclose(out, denoised(micrograph, "baseline", 192), atol=1e-4)


def test_a_tile_that_never_fits_is_told_in_words() -> None:
    denoiser = Denoiser(model("baseline"), DenoisingSettings(device="cpu", tile=64))
    denoiser.tiled.network = Cramped(denoiser.tiled.network, 0)  # type: ignore[assignment]  # looks the same from outside
    with pytest.raises(TrainingError, match="T09  out of memory with the smallest tile"):
        list(denoiser.denoise(scene(1).even))
