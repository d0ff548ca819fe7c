from __future__ import annotations

import re

from tests.cryoden.evaluation.planted import against


def test_a_model_that_makes_particles_of_noise_is_found_out() -> None:
    assert any(re.match(r"Pure noise gives \d\d+ %", finding.words) for finding in against("dreams"))
