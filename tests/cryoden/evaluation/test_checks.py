from __future__ import annotations

from tests.cryoden.evaluation.planted import (
    against,
)


def test_a_model_that_makes_particles_of_noise_is_found_out() -> None:
    assert any("Pure noise makes it show" in finding.words for finding in against("dreams"))
