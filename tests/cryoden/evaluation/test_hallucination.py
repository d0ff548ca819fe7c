from __future__ import annotations

import numpy as np
import pytest

from cryoden.evaluation.hallucination import (
    difference_autocorrelation,
    disagreement,
    noise_response,
    phase_response,
    spread,
)
from cryoden.image.filters import gaussian
from cryoden.micrograph import Pixels
from tests.cryoden.scenes import scene

SHAPE = (256, 320)


def white(seed: int) -> Pixels:
    return np.random.default_rng(seed).standard_normal(SHAPE, np.float32)


def smooth(image: Pixels) -> Pixels:
    return gaussian(image, 3)


def structures_only(image: Pixels) -> Pixels:
    """Keep what is much darker than chance makes it."""
    dark = smooth(image) - image.mean()
    return np.where(dark < -0.5 * image.std(), dark, 0).astype(np.float32)


class TestNoise:
    def test_a_linear_filter_makes_of_it_what_theory_says(self) -> None:
        image = 50 + 3 * scene(shape=SHAPE, signal=0).even.data
        passed = 1 / (4 * np.pi * 3**2)  # of the variance of white noise, by a Gaussian of 3 px
        found = noise_response(smooth, image, seed=1)
        assert found.power == pytest.approx(30**2 * passed / smooth(image).var(), rel=0.1)
        assert found.power == pytest.approx(1, abs=0.15)

    def test_has_mean_and_contrast_of_the_image_without_its_hot_pixels(self) -> None:
        image = 50 + 3 * white(0)
        image[::40, ::40] = 5000
        seen = []

        def remembering(pixels: Pixels) -> Pixels:
            seen.append((pixels.mean(), pixels.std()))
            return pixels

        noise_response(remembering, image, seed=1)
        assert seen[0] == (pytest.approx(50, abs=0.1), pytest.approx(3, rel=0.01))

    def test_gives_nothing_where_only_structures_are_kept(self) -> None:
        found = noise_response(structures_only, scene(shape=SHAPE, signal=1.5).even.data, seed=1)
        assert found.power < 0.02
        assert "0 % of the output power of the micrograph: little" in found.words

    def test_is_said_with_its_share(self) -> None:
        found = noise_response(smooth, scene(shape=SHAPE, signal=0.3).even.data, seed=1)
        assert found.words.startswith(
            f"White noise gives {100 * found.power:.0f} % of the output power of the micrograph"
        )


class TestScrambledPhases:
    def test_a_linear_filter_cannot_tell(self) -> None:
        found = phase_response(smooth, scene(shape=SHAPE).even.data, 1.5, 1000, seed=1)
        assert found.power == pytest.approx(1, abs=0.05)
        assert "beyond 1000 Å" in found.words

    def test_what_looks_for_structures_can(self) -> None:
        image = scene(shape=SHAPE, signal=1.5).even.data
        scrambled = phase_response(structures_only, image, 1.5, 1000, seed=1)
        coarse_kept = phase_response(structures_only, image, 1.5, 5, seed=1)
        assert scrambled.power < 0.6 < coarse_kept.power


class TestDisagreement:
    def test_is_mapped_where_it_is(self) -> None:
        even, odd = smooth(white(0)), smooth(white(1))
        odd[:, :160] = even[:, :160]
        found = disagreement(even, odd, pixel_size=10)
        assert found.map.shape == (16, 20)
        assert found.map[:, :7].max() < 0.05
        assert found.map[:, -7:].mean() == pytest.approx(1, abs=0.15)
        assert found.share == pytest.approx(0.5, abs=0.1)

    def test_a_gentle_slope_of_both_is_no_agreement(self) -> None:
        slope = np.linspace(0, 5, SHAPE[1], dtype=np.float32) * smooth(white(0)).std()
        found = disagreement(smooth(white(0)), smooth(white(1)), 10)
        sloped = disagreement(smooth(white(0)) + slope, smooth(white(1)) + slope, 10)
        assert np.median(sloped.map) > 0.85 * np.median(found.map)

    def test_is_said_in_a_sentence(self) -> None:
        image = smooth(white(0))
        assert disagreement(image, image, 10).words.startswith("The two denoised halves differ by 0 %")


class TestDifference:
    def test_looks_like_noise_where_only_noise_was_removed(self) -> None:
        known = scene(shape=SHAPE, signal=1)
        found = difference_autocorrelation(known.even.data, 100 + 10 * known.clean, 8)
        assert found.map.shape == (17, 17)
        assert found.largest < 0.02
        assert found.words.endswith("it looks like noise.")

    def test_shows_structure_that_was_removed_too(self) -> None:
        known = scene(shape=SHAPE, signal=1)
        found = difference_autocorrelation(known.even.data, gaussian(known.even.data, 30), 8)
        assert found.largest > 0.2
        assert "structure was removed, too" in found.words


class TestSpread:
    @pytest.mark.parametrize("models", [2, 5])
    def test_is_the_difference_of_two_models_over_the_contrast(self, models: int) -> None:
        shared = smooth(white(0))
        shared /= shared.std()
        outputs = [10 + shared + 0.1 * white(seed) for seed in range(1, models + 1)]
        found = spread(outputs)
        assert found.relative == pytest.approx(0.1 * np.sqrt(2), rel=0.03)
        assert found.words.startswith(f"{models} models trained with different seeds differ by 14 %")

    def test_one_model_has_none(self) -> None:
        with pytest.raises(ValueError, match="two models"):
            spread([white(0)])
