from __future__ import annotations

from pathlib import Path

from cryoden.browsing.exposure_list import exposures_in
from cryoden.browsing.listed_facts import ListedFacts
from tests.cryoden.browsing.acquisition import write_project


def test_defocus_is_the_mean_of_both_axes_in_micrometers_beside_fit_and_ice(tmp_path: Path) -> None:
    first, second, _ = exposures_in(write_project(tmp_path)).exposures
    assert first.facts == ListedFacts(1.5, 1.1, 4.5, 0.9)
    assert second.facts == ListedFacts(0.8, 2.0, 8.25, 2.5)


def test_what_is_no_finite_number_is_not_known(tmp_path: Path) -> None:
    third = exposures_in(write_project(tmp_path)).exposures[2]
    assert (third.facts.ctf_fit, third.facts.ice) == (None, None)
