from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cryoden.image.counting import CountingEvidence, count_test
from cryoden.micrograph import Micrograph
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import exposed
from cryoden.simulation.scene import Scene


def poisson(rate: float = 30.0, edge: int = 512, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).poisson(rate, (edge, edge)).astype(np.float64)


def evidence_of(pixels: NDArray[np.floating]) -> CountingEvidence:
    return count_test(Micrograph(pixels.astype(np.float32), 1.0, "m"))


@settings(max_examples=12, deadline=None)
@given(
    st.floats(0.2, 100), st.sampled_from([1.0, 0.025, 0.97, 7.0, 101.4]), st.integers(0, 2**31), st.booleans()
)
def test_counts_of_any_rate_are_known_with_their_gain(
    rate: float, gain: float, seed: int, dead: bool
) -> None:
    counts = poisson(rate, 640, seed)
    counts[:120] *= not dead  # a dead part of the detector says nothing
    found = evidence_of(counts * gain)
    assert found.problem == ""
    assert found.exact
    assert found.gain == pytest.approx(gain, rel=1e-5)
    assert found.mean == pytest.approx(rate, rel=0.05)


@pytest.mark.parametrize("pixel_size", [0.8, 1.6, 3.0])
def test_ice_particles_and_carbon_are_not_taken_for_noise(pixel_size: float) -> None:
    for carbon in (0.0, 0.25):
        scene = Scene(edge=640, particles=60, pixel_size=pixel_size, carbon=carbon, contamination=2)
        found = evidence_of(exposed(scene).full)
        assert (found.problem, found.exact, found.gain) == ("", True, 1)


def test_charge_integrated_by_a_camera_is_refused() -> None:
    found = evidence_of(exposed(Scene(edge=640, detector=Detector(integrating=True, transfer=0.3))).full)
    assert "noise correlates" in found.problem
    assert max(found.correlations) > 0.2


def test_a_gain_map_is_told_from_exact_counts_and_its_mean_found() -> None:
    gains = 101.4 * np.random.default_rng(1).normal(1, 0.02, (1024, 1024))
    found = evidence_of(poisson(30, 1024) * gains)
    assert found.problem == ""
    assert not found.exact
    assert found.gain == pytest.approx(101.4, rel=0.03)


def test_a_few_hot_pixels_do_not_hide_counts() -> None:
    counts = poisson()
    counts[100:103, 200] = 60_000
    assert evidence_of(counts).problem == ""


def test_neighbors_correlate_as_much_as_a_shift_by_part_of_a_pixel_makes_them() -> None:
    counts, part = poisson(edge=1024), 0.2
    for axis, place in ((1, 0), (0, 1)):
        shifted = (1 - part) * counts + part * np.roll(counts, 1, axis)
        found = evidence_of(shifted)
        expected = part * (1 - part) / (part**2 + (1 - part) ** 2)
        assert found.correlations[place] == pytest.approx(expected, rel=0.12)
        assert found.correlations[1 - place] == pytest.approx(0, abs=0.04)
        assert f"r = {found.correlations[place]:.3f} (limit ±0.08)" in found.problem


def test_what_is_not_counts_is_told_with_its_figure() -> None:
    counts, numbers = poisson(edge=1024), np.random.default_rng(2)
    offset = evidence_of(10 * counts + 1000)  # 4 times the mean in counts, with the same moments
    assert offset.third == pytest.approx((1000 + 300) / 300, rel=0.1)
    gaussian = evidence_of(numbers.normal(900, 30, counts.shape))
    assert gaussian.third == pytest.approx(0, abs=0.15)
    assert all("third moment" in found.problem for found in (offset, gaussian))
    assert "the lowest pixel is -1.5" in evidence_of(counts - counts.min() - 1.5).problem
    assert "9 blocks" in evidence_of(poisson(edge=200)).problem
    assert "0 blocks" in evidence_of(np.full((512, 512), 7.0)).problem


def test_electrons_that_are_missed_or_come_twice_show_in_the_variance_as_theory_says() -> None:
    once = evidence_of(np.minimum(poisson(0.3), 1))  # yes or no: variance ÷ mean = 1 − mean
    assert once.fano == pytest.approx(np.exp(-0.3), abs=0.01)
    assert "variance ÷ mean" in once.problem
    hits, share = poisson(20, 1024), 0.01
    twice = evidence_of(hits + np.random.default_rng(4).binomial(hits.astype(int), share))
    assert twice.fano == pytest.approx((1 + 3 * share) / (1 + share), abs=0.01)
