from __future__ import annotations

from cryoden.image.bands import PARTICLES, Band


def test_a_band_in_pixels_has_the_same_periods() -> None:
    assert Band(300, 30).in_pixels(3) == Band(100, 10)


def test_the_particle_band_is_called_by_its_periods() -> None:
    assert PARTICLES.name == "340–20 Å"
