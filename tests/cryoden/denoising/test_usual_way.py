from __future__ import annotations

from contextlib import nullcontext
from dataclasses import astuple, replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cryoden.compute.recorded import Recorder
from cryoden.denoising import ring_filter, usual_way
from cryoden.denoising.denoise import Denoiser, finished
from cryoden.denoising.ice_ring import EDGE
from cryoden.denoising.usual_way import SAMPLES, TRIES, Choices, Kind, UsualWay, UsualWays
from cryoden.image import normalization, resampling, tiling
from cryoden.io.mrc_header_copy import statistics
from cryoden.kernels.image_passes import Passes
from cryoden.micrograph import Micrograph
from cryoden.model import float16_unet
from cryoden.model.checkpoint import load
from cryoden.model.float16_layers import Layers
from cryoden.model.float16_unet import Float16UNet, Kernels
from cryoden.model.general import GENERAL
from cryoden.model.networks import UNet
from cryoden.settings.denoising import DenoisingSettings
from tests.cryoden.kernels import emulated_passes
from tests.cryoden.scenes import scene

SHAPE = (520, 456)


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    return Denoiser(load(GENERAL), DenoisingSettings(device="cpu"))


def ways(denoiser: Denoiser) -> UsualWays:
    return UsualWays(
        denoiser.tiled, Choices(passes_ring=True, wants_ratios=True, seeks_sign=True, inverts=False)
    )


def kind(pixel_size: float) -> Kind:
    return Kind(SHAPE, 3.0 / pixel_size, pixel_size, ring_known=True)


def micrograph(pixel_size: float) -> Micrograph:
    return replace(scene(1, SHAPE).even, pixel_size=pixel_size)


@pytest.mark.parametrize("pixel_size", [1.1, 2.0, 3.0])
def test_it_leads_to_the_same_pixels_as_the_longer_way(denoiser: Denoiser, pixel_size: float) -> None:
    given = micrograph(pixel_size)
    made, wanted = ways(denoiser).made(kind(pixel_size), given.data), finished(denoiser.denoise(given))
    assert made is not None
    difference = np.abs(made.pixels - wanted.micrograph.data).max() / given.data.std()
    assert difference < 1e-5
    np.testing.assert_allclose(made.known, denoiser.known(given), rtol=1e-6)
    assert made.statistics is not None
    assert astuple(made.statistics) == pytest.approx(astuple(statistics(made.pixels)), rel=1e-9, abs=1e-9)


def blank_corner(pixels: np.ndarray) -> None:
    pixels[:64, :64] = 3.0


def no_number(pixels: np.ndarray) -> None:
    pixels[5, 7] = np.nan


def constant(pixels: np.ndarray) -> None:
    pixels[:] = 2.0


@pytest.mark.parametrize("spoil", [blank_corner, no_number, constant])
def test_a_micrograph_that_is_not_as_most_are_must_go_another_way(denoiser: Denoiser, spoil) -> None:  # type: ignore[no-untyped-def]  # a function of pixels
    given = micrograph(2.0).data.copy()
    assert ways(denoiser).made(kind(2.0), given) is not None
    spoil(given)
    assert ways(denoiser).made(kind(2.0), given) is None


def test_where_several_must_go_another_way_it_is_not_tried_again(denoiser: Denoiser) -> None:
    usual, odd, given = ways(denoiser), micrograph(2.0).data.copy(), micrograph(2.0).data
    blank_corner(odd)
    for _ in range(TRIES - 1):
        assert usual.made(kind(2.0), odd) is None
    assert usual.made(kind(2.0), given) is not None
    for _ in range(TRIES):
        assert usual.made(kind(2.0), odd) is None
    assert usual.made(kind(2.0), given) is None


def test_what_is_too_small_for_its_spectrum_does_not_suit() -> None:
    assert UsualWay.suits(Kind((512, 300), 1.5, 2.0, ring_known=True))
    assert not UsualWay.suits(Kind((512, 200), 1.0, 3.0, ring_known=True))
    assert not UsualWay.suits(Kind((512, 300), 6.0, 0.5, ring_known=True))


class StaysThere(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Refuses whatever uses values that lie on the processor."""

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        tensors = [each for each in tree_leaves((arguments, named)) if isinstance(each, Tensor)]
        assert all(each.device.type == "meta" or not each.dim() for each in tensors), operator
        return operator(*arguments, **(named or {}))


class Untouched:
    """Kernels that are not there."""

    def launch(self, *_: object) -> None:
        """Leave everything as it is."""


class Nowhere:
    """A recorder on a device without values: who asks for one fails, as who waits while a GPU records."""

    device, records = torch.device("meta"), False


def moved(network: torch.nn.Module) -> None:
    held = [each for module in network.modules() for each in (module._parameters, module._buffers)]
    for each in held:
        for name, values in each.items():
            each[name] = values if values is None else torch.nn.Parameter(values.to("meta"), False)


def taken(found: Passes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the usual way take these passes, whatever the device."""
    monkeypatch.setattr(usual_way, "passes", lambda _: found)
    for module in (ring_filter, resampling, normalization, tiling, float16_unet):
        monkeypatch.setattr(module, "passes_for", lambda _: found)


@pytest.mark.parametrize("pixel_size", [1.1, 3.0])
def test_with_passes_over_whole_images_its_pixels_and_statistics_are_the_same(
    denoiser: Denoiser, pixel_size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = micrograph(pixel_size).data
    given[100, 200:300] = given.mean() + 40 * given.std()  # some that lie at the limits
    wanted = ways(denoiser).made(kind(pixel_size), given)
    taken(emulated_passes.compiled(), monkeypatch)
    found = ways(denoiser).made(kind(pixel_size), given)
    assert found is not None
    assert wanted is not None
    assert wanted.clipped >= 100
    assert np.abs(found.pixels - wanted.pixels).max() / given.std() < 1e-4
    assert (found.clipped, found.strength) == pytest.approx((wanted.clipped, wanted.strength), rel=1e-5)
    assert found.statistics is not None
    assert astuple(found.statistics) == pytest.approx(astuple(statistics(found.pixels)), rel=1e-9, abs=1e-9)


class UntouchedPasses(Passes):
    """Passes that are not there."""

    def __init__(self) -> None:
        self._blocks = 4

    def _launch(self, *_: object) -> None:
        """Leave everything as it is."""


@pytest.mark.parametrize("has_passes", [False, True])
@pytest.mark.parametrize("pixel_size", [0.7, 3.0])
def test_its_work_asks_for_no_value_and_sends_none(
    pixel_size: float, has_passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_passes:
        taken(UntouchedPasses(), monkeypatch)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which knows no such device
    tiled = Denoiser(load(GENERAL), DenoisingSettings(device="cpu")).tiled
    assert tiled._followed is not None
    moved(tiled.network)
    moved(tiled._followed)
    kernels, layers = cast("Kernels", Untouched()), cast("Layers", Untouched())
    tiled._striped, tiled._quick = False, Float16UNet(cast("UNet", tiled.network), kernels, layers)
    chosen = Choices(passes_ring=True, wants_ratios=True, seeks_sign=True, inverts=False)
    way = UsualWay(kind(pixel_size), tiled, chosen, cast("Recorder", Nowhere()))
    contexts = nullcontext(), StaysThere()  # type: ignore[no-untyped-call]  # torch's
    for context in contexts:  # constants are sent the first time
        with context, torch.no_grad():
            told, working, weight, *gray = way._measure(way._raw)
            answer, output = way._denoise(working, weight, torch.empty(15, device="meta"))
            response = torch.empty(2 * SAMPLES + EDGE // 2 + 1, device="meta")
            result, measured = way._finish(way._raw, *gray, working, output, response)
    assert result.shape == SHAPE
    assert told.dim() == answer.dim() == measured.dim() == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_recorded_on_a_gpu_it_makes_the_same_bytes_each_time() -> None:
    denoiser, given = Denoiser(load(GENERAL), DenoisingSettings(device="cuda")), micrograph(2.0)
    first, *others = (finished(denoiser.denoise(given)).micrograph.data for _ in range(4))
    assert all(np.array_equal(first, other) for other in others)
