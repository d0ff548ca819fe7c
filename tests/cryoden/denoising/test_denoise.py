from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cryoden.denoising.denoise import denoise
from cryoden.errors import MicrographError
from cryoden.events.batch import DenoisingEvent, MicrographDenoised
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import Model, load
from cryoden.model.general import GENERAL
from cryoden.model.networks import build
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import NetworkName
from tests.cryoden.model.test_networks import alive
from tests.cryoden.scenes import correlation, scene

PIXEL = 1.5  # Å/px of the scenes


def model(name: NetworkName, scale: float = 1.0, pixel_size: float | None = PIXEL) -> Model:
    weights = {k: v.detach().numpy().copy() for k, v in alive(build(name, 0)).state_dict().items()}
    return Model(name, weights, pixel_size, working_pixel=scale * (pixel_size or 1) if scale > 1 else None)


def result(events: list[DenoisingEvent]) -> Pixels:
    last = events[-1]
    assert isinstance(last, MicrographDenoised)
    return last.micrograph.data


def denoised(micrograph: Micrograph, name: NetworkName, tile: int = 0, **chosen: Any) -> Pixels:
    scale = chosen.pop("scale", 1.0)
    settings = DenoisingSettings(device="cpu", tile=tile, **chosen)
    return result(list(denoise(micrograph, model(name, scale), settings)))


def warnings(micrograph: Micrograph, model: Model) -> tuple[str, ...]:
    last = list(denoise(micrograph, model, DenoisingSettings(device="cpu")))[-1]
    assert isinstance(last, MicrographDenoised)
    return tuple(map(str, last.micrograph.warnings))


@pytest.mark.parametrize(("shape", "pixel_size"), [((33, 300), 3.0), ((331, 257), 1.5)])
def test_tiles_of_the_general_model_differ_by_rounding_only(
    shape: tuple[int, int], pixel_size: float
) -> None:
    micrograph = replace(scene(1, shape).even, pixel_size=pixel_size)
    whole, tiled = (
        result(list(denoise(micrograph, load(GENERAL), DenoisingSettings(device="cpu", tile=tile))))
        for tile in (4096, 64)
    )
    assert np.abs(tiled - whole).max() <= 1e-5 * micrograph.data.std()


@pytest.mark.parametrize("scale", [1.0, 3.3])
def test_the_mean_of_eight_orientations_turns_with_the_micrograph(scale: float) -> None:
    micrograph = scene(3, (160, 160)).even
    turned = replace(micrograph, data=np.ascontiguousarray(np.rot90(micrograph.data)[:, ::-1]))
    one, eight = (denoised(turned, "unet", scale=scale, orientations=n) for n in (1, 8))
    expected = np.rot90(denoised(micrograph, "unet", scale=scale, orientations=8))[:, ::-1]
    noise = micrograph.data.std()
    assert np.abs(eight - expected).max() < 1e-4 * noise
    assert np.abs(one - expected).max() > 1e-2 * noise


def test_the_result_lies_where_its_input_does() -> None:
    """At a coarse working pixel, too, nothing is shifted: a filter that keeps all keeps places."""
    weights = {k: v.numpy().copy() for k, v in build("unet", 0).state_dict().items()}
    weights["linear.gains"][:] = 1.0  # the starlet bands add up to the image
    rows, columns = np.indices((240, 300))
    wave = (100 + np.cos(rows / 11) * np.cos(columns / 14 + 1)).astype(np.float32)
    known = Micrograph(wave, PIXEL, "wave")
    same = Model("unet", weights, PIXEL, working_pixel=4.1 * PIXEL)
    out = result(list(denoise(known, same, DenoisingSettings(device="cpu"))))
    np.testing.assert_allclose(out[15:-15, 15:-15], wave[15:-15, 15:-15], atol=0.01)


@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (17, 13)])
def test_odd_and_narrow_micrographs_keep_their_size(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    out = denoised(Micrograph(pixels, None, "m"), "unet", 64)
    assert out.shape == shape
    assert np.isfinite(out).all()


@pytest.mark.parametrize("scale", [1.0, 4.7])
def test_the_result_follows_the_gray_scale_of_its_input(scale: float) -> None:
    known = scene(2, (300, 300))
    moved = replace(known.even, data=known.even.data * 3 - 5000)
    one, two = (denoised(micrograph, "unet", scale=scale) for micrograph in (known.even, moved))
    np.testing.assert_allclose(two, one * 3 - 5000, atol=0.005 * one.std())


def test_a_micrograph_of_other_pixels_is_seen_at_the_same_working_pixel() -> None:
    """A wave of the same Å comes out alike, whatever pixels it was recorded in."""
    coarse, fine = (
        Micrograph(
            np.cos(np.arange(size / 2, 480, size) / 15)[None].repeat(round(480 / size), 0).astype(np.float32),
            size,
            "m",
        )
        for size in (2.0, 1.0)
    )
    one, two = (
        result(list(denoise(m, model("unet", 4 / 1.5), DenoisingSettings(device="cpu", ring_gains=False))))
        for m in (coarse, fine)
    )
    between = two.reshape(240, 2, 240, 2).mean(axis=(1, 3))
    assert correlation(one, between) > 0.999


def test_what_is_not_known_of_pixel_sizes_is_said() -> None:
    known = scene(1).even
    unknown = replace(known, pixel_size=None)
    trained, blind = model("unet", 2.0), model("unet", 2.0, None)
    assert warnings(known, trained) == ()
    assert warnings(unknown, trained) == (
        "F28: no pixel size in the header: 1.5 Å/px assumed, the result may be wrong",
    )
    assert warnings(known, blind) == (
        "T13: no pixel size of the model's micrographs: 1 Å/px assumed, the result may be wrong",
    )
    assert warnings(unknown, model("baseline", pixel_size=None)) == ()


def test_what_is_blank_stays_as_it_is_and_changes_nothing_elsewhere() -> None:
    known = replace(scene(4, (240, 240)).even, pixel_size=3.0)
    bordered = replace(known, data=known.data.copy())
    bordered.data[:, :60] = -3000
    settings = DenoisingSettings(device="cpu")
    whole, part = (result(list(denoise(one, load(GENERAL), settings))) for one in (known, bordered))
    assert (part[:, :60] == -3000).all()
    assert correlation(part[:, 100:], whole[:, 100:]) > 0.95


def test_where_the_pixel_size_is_unknown_no_ring_of_ice_is_sought() -> None:
    """White noise with a ring at 3.7 Å, were its pixels of 1 Å."""
    n = 512
    frequency = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None])
    ring = 1 + 2 * np.exp(-(((frequency - 1 / 3.7) / 0.01) ** 2))
    waves = np.fft.rfft2(np.random.default_rng(0).normal(size=(n, n))) * ring
    noisy = Micrograph(np.fft.irfft2(waves).astype(np.float32), None, "m")
    kept, none = (
        result(list(denoise(noisy, load(GENERAL), DenoisingSettings(device="cpu", ice_ring=on))))
        for on in (True, False)
    )
    np.testing.assert_array_equal(kept, none)


def test_the_rim_of_an_empty_micrograph_shows_no_more_than_its_middle() -> None:
    empty = Micrograph(np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32), 3.0, "m")
    out = result(list(denoise(empty, load(GENERAL), DenoisingSettings(device="cpu", ice_ring=False))))
    middle = out[96:-96, 96:-96]
    assert -out.min() < 2 * -middle.min()


def test_the_result_keeps_pixel_size_name_and_path() -> None:
    last = list(denoise(scene(2).even, model("baseline"), DenoisingSettings(device="cpu")))[-1]
    assert isinstance(last, MicrographDenoised)
    assert (last.micrograph.pixel_size, last.micrograph.name) == (1.5, "m2_EVN")


def test_hot_pixels_are_counted_in_a_warning() -> None:
    micrograph = scene(1).even
    micrograph.data[5, 5:8] = 1e7
    assert warnings(micrograph, model("baseline")) == ("F26: 3 pixels beyond 6 standard deviations, clipped",)


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
