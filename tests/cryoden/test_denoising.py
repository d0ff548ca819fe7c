from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from cryoden.checkpoint import Model
from cryoden.denoising import Denoiser, denoise
from cryoden.errors import MicrographError, TrainingError
from cryoden.events import DenoisingEvent, MicrographDenoised, TileFinished
from cryoden.micrograph import Micrograph, Pixels
from cryoden.networks import build
from cryoden.settings import DenoisingSettings, NetworkName
from tests.cryoden.scenes import scene
from tests.cryoden.test_networks import alive


def model(name: NetworkName) -> Model:
    weights = {k: v.detach().numpy().copy() for k, v in alive(build(name, 0)).state_dict().items()}
    return Model(name, weights, 1.5)


def result(events: list[DenoisingEvent]) -> Pixels:
    last = events[-1]
    assert isinstance(last, MicrographDenoised)
    return last.micrograph.data


def denoised(micrograph: Micrograph, name: NetworkName, tile: int) -> Pixels:
    return result(list(denoise(micrograph, model(name), DenoisingSettings(device="cpu", tile=tile))))


@pytest.mark.parametrize("name", ["baseline", "unet"])
@pytest.mark.parametrize(("shape", "tiles"), [((231, 157), (100, 176)), ((33, 300), (64,))])
def test_tiled_equals_untiled_at_any_tile_size(
    name: NetworkName, shape: tuple[int, int], tiles: tuple[int, ...]
) -> None:
    micrograph = scene(1, shape).even
    whole = denoised(micrograph, name, 4096)
    for tile in tiles:
        difference = np.abs(denoised(micrograph, name, tile) - whole).max()
        assert difference <= 1e-5 * min(whole.std(), micrograph.data.std())


@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (17, 13)])
def test_odd_and_narrow_micrographs_keep_their_size(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    out = denoised(Micrograph(pixels, None, "m"), "unet", 64)
    assert out.shape == shape
    assert np.isfinite(out).all()


def test_the_result_follows_the_grey_scale_of_its_input() -> None:
    known = scene(2)
    moved = replace(known.even, data=known.even.data * 3 - 5000)
    one, two = denoised(known.even, "unet", 0), denoised(moved, "unet", 0)
    np.testing.assert_allclose(two, one * 3 - 5000, atol=0.05 * one.std())


def test_the_result_keeps_pixel_size_name_and_path() -> None:
    last = list(denoise(scene(2).even, model("baseline"), DenoisingSettings(device="cpu")))[-1]
    assert isinstance(last, MicrographDenoised)
    assert (last.micrograph.pixel_size, last.micrograph.name) == (1.5, "m2_EVN")


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
    cramped = Cramped(denoiser.network, 60)
    denoiser.network = cramped  # type: ignore[assignment]  # looks the same from outside
    out = result(list(denoiser.denoise(micrograph)))
    assert all(small < large for large, small in pairwise(cramped.refused))
    np.testing.assert_allclose(out, denoised(micrograph, "baseline", 192), atol=1e-4)


def test_a_tile_that_never_fits_is_told_in_words() -> None:
    denoiser = Denoiser(model("baseline"), DenoisingSettings(device="cpu", tile=64))
    denoiser.network = Cramped(denoiser.network, 0)  # type: ignore[assignment]  # looks the same from outside
    with pytest.raises(TrainingError, match="T09  out of memory with the smallest tile"):
        list(denoiser.denoise(scene(1).even))


def test_hot_pixels_are_counted_in_a_warning() -> None:
    micrograph = scene(1).even
    micrograph.data[5, 5:8] = 1e7
    last = list(denoise(micrograph, model("baseline"), DenoisingSettings(device="cpu")))[-1]
    assert isinstance(last, MicrographDenoised)
    assert last.micrograph.warnings == ("3 pixels beyond 6 standard deviations, clipped",)


def test_a_nan_never_reaches_the_network() -> None:
    micrograph = scene(1).even
    micrograph.data[5, 5] = np.nan
    with pytest.raises(MicrographError, match="F24"):
        list(denoise(micrograph, model("baseline"), DenoisingSettings(device="cpu")))


def test_a_nan_between_the_rows_that_are_measured_is_found_with_its_place() -> None:
    pixels = np.random.default_rng(0).normal(size=(2600, 1700)).astype(np.float32)
    pixels[2401, 77] = np.nan
    with pytest.raises(
        MicrographError, match=r"F24  m — 1 pixel is NaN or infinite, .* row 2,401, column 77"
    ):
        list(denoise(Micrograph(pixels, None, "m"), model("baseline"), DenoisingSettings(device="cpu")))
