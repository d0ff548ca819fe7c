from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from napari_cryoden.docks.band_field import BandField
from napari_cryoden.jobs.companions import Band


@pytest.fixture
def field(qtbot: QtBot) -> BandField:
    made = BandField()
    qtbot.addWidget(made)
    made.show_band(Band(), 1.0)
    return made


def test_it_begins_with_a_low_pass_that_suits_the_pixels(field: BandField) -> None:
    assert (field.finest.value(), field.high_pass.isChecked()) == (20.0, False)
    field.show_band(Band(), 8.0)
    assert field.finest.value() == 32.0
    assert field.band == Band(), "what was not chosen suits the next micrograph, too"


def test_what_is_chosen_is_said_once_and_kept_for_other_pixels(qtbot: QtBot, field: BandField) -> None:
    with qtbot.waitSignal(field.changed):
        field.finest.setValue(40.0)
    field.high_pass.setChecked(True)
    assert field.band == Band(40.0, 1000.0)
    with qtbot.assertNotEmitted(field.changed):
        field.show_band(field.band, 8.0)
    assert field.finest.value() == 40.0
    field.low_pass.setChecked(False)
    assert field.band == Band(0.0, 1000.0)
    assert not field.finest.isEnabled()


def test_a_low_pass_beyond_nyquist_is_said_to_remove_nothing(field: BandField) -> None:
    assert field.doubt.isHidden()
    field.show_band(Band(12.0), 8.0)
    assert field.doubt.text() == "Low-pass finer than Nyquist (16 Å): it removes next to nothing"
    field.show_band(Band(100.0, 80.0), 8.0)
    assert "choose a coarser one" in field.doubt.text()
    field.show_band(Band(), None)
    assert "1 Å/px is assumed" in field.doubt.text()
