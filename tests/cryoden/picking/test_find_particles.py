from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from cryoden.errors import SettingsError
from cryoden.micrograph import Micrograph
from cryoden.picking.find_particles import chosen_threshold, find_particles
from cryoden.picking.picks import PicksError
from cryoden.settings.picking import PickingSettings
from tests.cryoden.picking.planted import DIAMETER, PIXEL, PLACES, discs, distances, micrograph

SETTINGS = PickingSettings(diameter=DIAMETER)


def test_planted_discs_are_found_each_within_a_tenth_of_its_diameter_and_nothing_else() -> None:
    found = find_particles(micrograph(noise=1.0), SETTINGS).picks
    assert len(found) == len(PLACES)
    assert distances(found.centers, PLACES).max() < 0.1 * DIAMETER / PIXEL
    assert (np.diff(found.merits) <= 0).all()
    assert (found.pixel_size, found.rows.max()) == (PIXEL, -1)


def test_bright_particles_are_found_as_well_and_said_to_be_bright() -> None:
    one = micrograph(noise=1.0)
    found = find_particles(replace(one, data=-one.data), SETTINGS)
    assert found.bright
    np.testing.assert_allclose(found.picks.centers, find_particles(one, SETTINGS).picks.centers, atol=1e-3)


def test_the_contrast_that_the_user_says_is_looked_for() -> None:
    dark = find_particles(micrograph(noise=0.3), replace(SETTINGS, contrast="bright"))
    assert len(dark.picks) == 0 or distances(PLACES, dark.picks.centers).min() > DIAMETER / PIXEL / 2


@pytest.mark.parametrize("seed", range(3))
def test_next_to_nothing_is_found_in_noise(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 1, (1000, 1000)).astype(np.float32)
    found = find_particles(Micrograph(noise, PIXEL, "noise"), SETTINGS)
    assert len(found.picks) <= 8, "of some 400 places where the picker answers at all"
    assert len(found.every) > 200


def test_an_average_of_noise_finds_little_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (1000, 1000)).astype(np.float32)
    found = find_particles(Micrograph(noise, PIXEL, "noise"), replace(SETTINGS, averages=1))
    assert len(found.picks) <= 20


def test_how_much_chance_finds_is_counted_on_random_phases() -> None:
    clear = find_particles(micrograph(noise=0.3), replace(SETTINGS, threshold=6.0))
    assert (len(clear.picks), clear.by_chance) == (len(PLACES), 0)
    everything = find_particles(micrograph(noise=0.3), replace(SETTINGS, threshold=0.5))
    assert everything.by_chance > 10


def test_a_threshold_and_a_number_limit_what_is_taken() -> None:
    every = find_particles(micrograph(), SETTINGS).every
    few = find_particles(micrograph(), replace(SETTINGS, threshold=float(every.merits[2]))).picks
    assert len(few) == 3
    assert len(find_particles(micrograph(), replace(SETTINGS, most=2)).picks) == 2


def test_particles_are_as_far_apart_as_is_asked() -> None:
    close = np.array([[200.0, 200.0], [200.0, 230.0]])
    one = Micrograph(discs(close, 0.3), PIXEL, "two")
    assert len(find_particles(one, replace(SETTINGS, threshold=5, apart=0.7)).picks) == 2
    assert len(find_particles(one, replace(SETTINGS, threshold=5, apart=1.5)).picks) == 1


def test_blank_regions_have_no_particles() -> None:
    pixels = discs(noise=1.0)
    pixels[:, 250:] = 3.0
    found = find_particles(Micrograph(pixels, PIXEL, "masked"), SETTINGS).picks
    left = PLACES[PLACES[:, 1] < 230]
    assert found.centers[:, 1].max() < 250
    assert distances(found.centers, left).max() < 4


def test_averages_of_a_first_round_find_them_too() -> None:
    numbers = np.random.default_rng(0)
    row, column = np.mgrid[0:10, 0:10].reshape(2, -1)
    places = 60 + 80 * np.stack([row, column], axis=1) + numbers.uniform(-10, 10, (100, 2))
    one = Micrograph(discs(places, 1.5, shape=(850, 850)), PIXEL, "many")
    found = find_particles(one, replace(SETTINGS, averages=1)).picks
    assert distances(found.centers, places).max() < 0.25 * DIAMETER / PIXEL
    assert len(found) < 110


def test_the_threshold_is_where_a_share_of_places_has_the_other_contrast() -> None:
    assert chosen_threshold(np.array([9.0, 8, 7, 2, 1]), np.array([3.0, 1.5, 1.4, 1.3]), 0.5) == 2
    assert chosen_threshold(np.array([2.0, 1.0]), np.array([5.0, 4.0, 3.0]), 0.5) > 5


def test_the_threshold_of_very_many_places_is_that_of_a_count_in_little_memory() -> None:
    numbers = np.random.default_rng(4)
    many, opposite = np.round(numbers.normal(1, 1, 5000), 2), np.round(numbers.normal(0, 1, 5000), 2)
    levels = sorted(many, reverse=True)
    few = [one for at, one in enumerate(levels, start=1) if (opposite >= one).sum() <= 0.2 * at]
    tracemalloc.start()
    try:
        assert chosen_threshold(many, opposite, 0.2) == few[-1]
        assert tracemalloc.get_traced_memory()[1] < 20 * many.nbytes
    finally:
        tracemalloc.stop()


def test_without_diameter_or_pixel_size_nothing_can_be_looked_for() -> None:
    with pytest.raises(PicksError, match="K04"):
        find_particles(micrograph(), PickingSettings())
    with pytest.raises(PicksError, match=r"K05 .*pixel size is not known"):
        find_particles(replace(micrograph(), pixel_size=None), SETTINGS)
    with pytest.raises(PicksError, match=r"K05 .*3\.0 px"):
        find_particles(micrograph(), PickingSettings(diameter=3 * PIXEL))
    with pytest.raises(PicksError, match="K05"):
        find_particles(micrograph(), PickingSettings(diameter=2000))


def test_settings_outside_their_range_are_refused() -> None:
    with pytest.raises(SettingsError):
        PickingSettings(diameter=-1)
