from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from cryoden.errors import MicrographError
from cryoden.image import normalization
from cryoden.image.normalization import (
    CLIP,
    MAX_PIXELS,
    measure,
    positive,
    robust,
)
from cryoden.image.resampling import Resampling
from cryoden.kernels.image_passes import Passes
from cryoden.micrograph import Micrograph, Pixels
from tests.cryoden.image.noise import noise
from tests.cryoden.kernels.emulated_passes import compiled


@pytest.fixture(scope="module")
def emulated() -> Passes:
    return compiled()


def test_mean_and_standard_deviation_are_those_of_the_pixels() -> None:
    scale = measure(Micrograph(noise(), None, "m"))
    assert scale.mean == pytest.approx(50, abs=0.1)
    assert scale.std == pytest.approx(4, abs=0.05)


def test_hot_pixels_of_a_million_sigma_do_not_move_the_scale() -> None:
    clean, hot = noise(), noise()
    hot.flat[:: hot.size // 20] = 4e6
    a, b = measure(Micrograph(clean, None, "m")), measure(Micrograph(hot, None, "m"))
    assert b.mean == pytest.approx(a.mean, abs=0.01)
    assert b.std == pytest.approx(a.std, rel=0.01)


def test_a_large_crystal_neither_moves_the_mean_nor_is_clipped() -> None:
    clean = noise((400, 400))
    icy = clean.copy()
    icy[:120, :150] += 120
    a, b = measure(Micrograph(clean, None, "m")), measure(Micrograph(icy, None, "m"))
    assert b.mean == pytest.approx(a.mean, abs=0.1)
    assert (b.apply(icy) < CLIP).all()


@pytest.mark.parametrize("scale", [1.0, 2.5, 4.7])
def test_undoing_is_the_exact_inverse_of_scoring(scale: float) -> None:
    pixels = noise()
    gray = measure(Micrograph(pixels, None, "m"), scale)
    np.testing.assert_allclose(gray.undo(gray.apply(pixels)), pixels, rtol=1e-5)


def test_without_a_coarser_working_pixel_nothing_more_is_divided() -> None:
    assert measure(Micrograph(noise(), None, "m")).spread == 1


@pytest.mark.parametrize("scale", [2.5, 4.7])
@pytest.mark.parametrize("shape", [(700, 700), (3000, 2000)])
@pytest.mark.parametrize("correlated", [False, True])
def test_every_detector_has_unit_variance_at_the_working_pixel(
    scale: float, shape: tuple[int, int], correlated: bool
) -> None:
    """The noise of an integrating detector is correlated and falls less when pixels are merged."""
    pixels = noise(shape)
    if correlated:
        pixels = pixels + np.roll(pixels, 1, 0) + np.roll(pixels, 1, 1)
    pixels.flat[:: pixels.size // 20] = 1e6
    gray = measure(Micrograph(pixels, None, "m"), scale)
    reduced = Resampling(*shape, scale).reduce(torch.from_numpy(gray.apply(pixels))) / gray.spread
    assert float(reduced.std()) == pytest.approx(1, rel=0.02)


def test_a_hot_pixel_is_brought_to_the_clip_before_the_network_sees_it() -> None:
    pixels = noise()
    pixels[3, 4] = 1e6
    scored = measure(Micrograph(pixels, None, "m")).apply(pixels)
    assert scored[3, 4] == CLIP == scored.max()


def test_a_constant_micrograph_is_refused() -> None:
    with pytest.raises(MicrographError, match=r"F25  m — no contrast"):
        measure(Micrograph(np.full((40, 40), 7, np.float32), None, "m"))


def test_pixels_that_are_not_numbers_are_refused() -> None:
    pixels = noise()
    pixels[0, 0] = np.inf
    with pytest.raises(MicrographError, match="F24"):
        measure(Micrograph(pixels, None, "m"))


@dataclass(frozen=True, eq=False)
class Counted(Micrograph):
    """A micrograph that remembers how many pixels were asked of it."""

    asked: list[int] = field(default_factory=list)

    def window(self, top: int, left: int, height: int, width: int) -> Pixels:
        self.asked.append(height * width)
        return super().window(top, left, height, width)


def test_a_large_micrograph_is_measured_from_bands_of_rows() -> None:
    shape = (3000, 2000)
    micrograph = Counted(np.tile(noise((300, 200)), (10, 10)), None, "m")
    scale = measure(micrograph)
    assert micrograph.shape == shape
    assert max(micrograph.asked) < MAX_PIXELS / 8
    assert sum(micrograph.asked) <= MAX_PIXELS
    assert scale.std == pytest.approx(4, rel=0.05)


def test_a_crystal_over_a_third_of_a_micrograph_leaves_the_rest_as_it_was() -> None:
    numbers = np.random.default_rng(8)
    clean = numbers.normal(50, 7, (600, 900)).astype(np.float32)
    crystal = clean.copy()
    rows, columns = np.mgrid[:600, :300]
    crystal[:, :300] += 60 * np.sin(rows / 9) * np.sin(columns / 11)
    plain, covered = (measure(Micrograph(pixels, 1.0, "m"), 3.0) for pixels in (clean, crystal))
    assert covered.std > 2 * plain.std
    assert covered.std * covered.spread == pytest.approx(plain.std * plain.spread, rel=0.1)


def test_the_positive_scale_is_that_of_all_pixels_of_a_large_micrograph() -> None:
    pixels = noise((2300, 2300)) - 50
    pixels[1000:1100] *= 100  # of these rows a sample would see fewer or more
    expected = float(np.percentile(pixels[pixels > 0], 95))
    gray = positive(pixels, "m")
    assert (gray.mean, gray.std, gray.limits) == (0.0, expected, (0.0, 1.0))


@pytest.mark.parametrize("odd", ["nothing", "hot pixels", "a dead row", "a crystal", "sparse counts"])
def test_by_the_kernels_of_a_gpu_mean_and_standard_deviation_are_the_same(
    odd: str, emulated: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = noise().ravel()
    if odd == "sparse counts":
        pixels = np.random.default_rng(0).poisson(0.02, pixels.size).astype(np.float32)
    changed = {
        "hot pixels": slice(None, None, 20_000),
        "a dead row": slice(0, 2000),
        "a crystal": slice(0, 9000),
    }
    pixels[changed.get(odd, slice(0))] = {"hot pixels": 4e6, "a dead row": -1e18, "a crystal": 170}.get(
        odd, 0
    )
    values = torch.from_numpy(pixels)
    wanted = robust(values)
    monkeypatch.setattr(normalization, "passes_for", lambda _: emulated)
    assert robust(values) == pytest.approx(wanted, rel=1e-6)
