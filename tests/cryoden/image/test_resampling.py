from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cryoden.image import resampling as resampled
from cryoden.image.resampling import Resampling, working_shape
from tests.cryoden.kernels.emulated_passes import compiled

SCALES = (1.3, 2.5, 4.7)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def wave(resampling: Resampling, share: float, *, working: bool) -> Tensor:
    """Return a cosine along the columns at a share of the working Nyquist frequency.

    It is symmetric about both edges, as the mirrored image is.
    """
    height, fine, coarse = resampling.fine[0], resampling.fine[1], resampling.shape[1]
    columns, rows = (coarse, resampling.shape[0]) if working else (fine, height)
    periods = round(share * coarse / 2)
    place = (torch.arange(columns, dtype=torch.float64) + 0.5) / columns
    return torch.cos(2 * torch.pi * periods * place).float().expand(rows, columns)


def test_a_scale_of_one_changes_no_bit() -> None:
    image, resampling = noise(37, 50), Resampling(37, 50, 1.0)
    assert torch.equal(resampling.reduce(image), image)
    assert torch.equal(resampling.enlarge(image), image)
    assert torch.equal(resampling.reduce_window(image[3:20, 5:9], 3, 5, 17, 4), image[3:20, 5:9])


@pytest.mark.parametrize("scale", [0.6, *SCALES])
def test_nothing_is_shifted(scale: float) -> None:
    """The center of mass of a blob stays where it was, in units of the whole side."""
    rows, columns = torch.meshgrid(torch.arange(200.0), torch.arange(300.0), indexing="ij")
    image = torch.exp(-((rows - 71) ** 2 + (columns - 188) ** 2) / (2 * (3 * scale) ** 2))
    resampling = Resampling(200, 300, scale)
    reduced = resampling.reduce(image)
    for blob in (reduced, resampling.enlarge(reduced)):
        for axis, expected in ((1, (71 + 0.5) / 200), (0, (188 + 0.5) / 300)):
            line = blob.sum(dim=axis).double()
            center = (line * (torch.arange(len(line)) + 0.5)).sum() / line.sum() / len(line)
            assert float(center) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_low_frequencies_pass_both_ways_unchanged(scale: float, share: float) -> None:
    resampling = Resampling(64, 480, scale)
    fine, coarse = (wave(resampling, share, working=working) for working in (False, True))
    torch.testing.assert_close(resampling.reduce(fine), coarse, atol=0.03, rtol=0)
    torch.testing.assert_close(resampling.enlarge(coarse), fine, atol=0.03, rtol=0)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_nothing_repeats_where_a_working_pixel_is_some_whole_pixels(factor: int) -> None:
    """Up to four fifths of the Nyquist frequency, above which no network's output has much."""
    resampling = Resampling(300 * factor, 300 * factor, factor)
    radius = torch.fft.fftfreq(300)[:, None].hypot(torch.fft.rfftfreq(300))
    coarse = torch.fft.irfft2(torch.fft.rfft2(noise(300, 300)) * (radius < 0.4), s=(300, 300))
    fine = resampling.enlarge(coarse).numpy()
    for axis in (0, 1):
        steps = np.abs(np.diff(fine, axis=axis)).mean(axis=1 - axis)[: 299 * factor].reshape(-1, factor)
        strength = steps.mean(axis=0) / steps.mean()
        assert strength == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("share", [1.4, 2.0, 2.6])
def test_what_the_working_grid_cannot_hold_does_not_fold_back(share: float) -> None:
    resampling = Resampling(64, 480, 2.5)
    assert wave(resampling, share, working=False).std() > 0.5
    assert resampling.reduce(wave(resampling, share, working=False)).abs().max() < 0.06


@pytest.mark.parametrize("scale", SCALES)
def test_white_noise_keeps_its_spectral_density(scale: float) -> None:
    resampling = Resampling(900, 900, scale)
    power = torch.fft.fft2(resampling.reduce(noise(900, 900))).abs().square()
    quarter = resampling.shape[0] // 4
    low = power[1:quarter, 1:quarter].mean() / resampling.shape[0] ** 2
    assert float(low) == pytest.approx((resampling.shape[0] / 900) ** 2, rel=0.08)


@pytest.mark.parametrize("scale", SCALES)
def test_an_even_image_stays_even_to_its_edges(scale: float) -> None:
    """No checkerboard, no ripple, no dark border: weights add up to one everywhere."""
    resampling = Resampling(61, 83, scale)
    coarse = resampling.reduce(torch.full((61, 83), 7.0))
    torch.testing.assert_close(coarse, torch.full(resampling.shape, 7.0))
    torch.testing.assert_close(resampling.enlarge(coarse), torch.full((61, 83), 7.0))


@settings(deadline=None)
@given(height=st.integers(1, 90), width=st.integers(1, 90), scale=st.floats(1, 20), share=st.floats(0, 1))
def test_any_window_is_what_it_is_in_the_whole(height: int, width: int, scale: float, share: float) -> None:
    image, resampling = noise(height, width), Resampling(height, width, scale)
    whole = resampling.reduce(image)
    rows, columns = whole.shape
    top, left = int(share * (rows - 1)), int((1 - share) * (columns - 1))
    asked = (top, left, rows - top, max(1, (columns - left) // 2))
    first_row, first_column, tall, wide = resampling.window(*asked)
    pixels = image[first_row : first_row + tall, first_column : first_column + wide]
    assert pixels.shape == (tall, wide)
    part = resampling.reduce_window(pixels, *asked)
    expected = whole[top : top + asked[2], left : left + asked[3]]
    torch.testing.assert_close(part, expected, atol=1e-5, rtol=0)
    assert resampling.enlarge(whole).shape == image.shape


def test_a_stack_is_resampled_image_by_image() -> None:
    stack, resampling = noise(3, 40, 60), Resampling(40, 60, 2.2)
    each = torch.stack([resampling.reduce(image) for image in stack])
    torch.testing.assert_close(resampling.reduce(stack), each)


def test_sides_become_the_nearest_number_of_working_pixels_and_never_none() -> None:
    assert working_shape((4096, 3), 4.7) == (871, 1)
    assert working_shape((100, 101), 1.0) == (100, 101)


def test_an_enlarged_image_comes_back_as_it_was() -> None:
    resampling = Resampling(64, 480, 0.6)
    assert resampling.shape == (107, 800)
    image = wave(Resampling(64, 480, 2.0), 0.5, working=False)
    torch.testing.assert_close(resampling.enlarge(resampling.reduce(image)), image, atol=0.03, rtol=0)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan])
def test_a_scale_that_is_not_above_zero_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="expected above 0"):
        Resampling(10, 10, scale)


@pytest.mark.parametrize(("shape", "scale"), [((61, 300), 3.7), ((90, 33), 4.0), ((40, 50), 0.6)])
def test_by_the_kernels_of_a_gpu_both_ways_are_the_same(
    shape: tuple[int, int], scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    resampling, wide = Resampling(*shape, scale), noise(shape[0], shape[1] + 5)
    image = wide[:, 2:-3]  # whose rows lie apart
    small = resampling.reduce(image)
    both = small, resampling.enlarge(small)
    emulated = compiled()
    monkeypatch.setattr(resampled, "passes_for", lambda _: emulated)
    found = resampling.reduce(image), resampling.enlarge(small)
    for one, other in zip(found, both, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
