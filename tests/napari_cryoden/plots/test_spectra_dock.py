from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from napari_cryoden.plots.spectra_dock import TITLE, ticks
from tests.napari_cryoden.deriving import finished


def test_spectra_are_told_against_the_other_half_where_it_is_open(
    dock: Any, viewer: Any, halves: list[Any], qtbot: Any
) -> None:
    dock.denoised.layer = halves[2]
    dock.spectra_button.click()
    finished(dock, qtbot)
    spectra = dock.deriving.spectra
    assert spectra.against == halves[1].name
    own, stranger = (spectra.correlation[layer.name].values for layer in (halves[0], halves[2]))
    assert own[2:12].mean() > 0.3 > stranger[2:12].mean()  # one scene, and two
    words = viewer.window.dock_widgets[TITLE].words.text()
    assert halves[1].name in words
    viewer.layers.remove(halves[1])
    dock.spectra_button.click()
    finished(dock, qtbot)
    assert dock.deriving.spectra.against == ""


@pytest.mark.parametrize("finest", [1.2, 2, 4, 20])
def test_lengths_below_a_spectrum_never_stand_on_one_another(finest: float) -> None:
    places = [1 / length for length in ticks(1 / finest)]
    assert places
    assert all(one - other >= 1 / finest / 30 for one, other in pairwise(places))
