from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cryoden.browsing.kept_pictures import Choices
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from napari_cryoden.browsing.session import BrowsingSession
from tests.cryoden.browsing.acquisition import NAMES, write_folder, write_project


@pytest.fixture
def session(viewer: Any, qtbot: Any, tmp_path: Path) -> BrowsingSession:
    session = BrowsingSession(viewer.window._qt_window, viewer)
    with qtbot.waitSignal(session.listed):
        session.open(write_project(tmp_path / "project"))
    return session


def test_headers_of_all_exposures_are_read_in_the_end(session: BrowsingSession, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not any(session.table.lacks_facts(place) for place in range(3)))
    assert session.table.row(1).facts.shape == (96, 128)  # type: ignore[union-attr]


def test_thumbnails_of_what_is_in_view_are_made_without_one_being_looked_at_for_long(
    session: BrowsingSession, qtbot: Any
) -> None:
    session.see([1, 2])
    session.look_at(0)
    qtbot.waitUntil(lambda: {NAMES[1], NAMES[2]} <= set(session.table.thumbnails._kept))


def test_skipped_exposures_are_never_shown(session: BrowsingSession, qtbot: Any) -> None:
    shown = list[str | None]()
    session.changed.connect(lambda: shown.append(session.shown.name))
    for place in (0, 1, 2):
        session.look_at(place)
    qtbot.waitUntil(lambda: session.shown.name == NAMES[2])
    assert set(shown) <= {None, NAMES[2]}


def test_another_list_begins_from_nothing(session: BrowsingSession, qtbot: Any, tmp_path: Path) -> None:
    session.look_at(0)
    qtbot.waitUntil(lambda: session.shown.name == NAMES[0])
    session.decide("accepted")
    with qtbot.waitSignal(session.listed):
        session.open(write_folder(tmp_path / "other"))
    assert (session.place, session.shown.name, len(session.kept)) == (None, None, 0)
    assert session.deciding.words() == "0 accepted, 0 rejected"


def test_with_another_model_nothing_of_the_first_one_is_shown(session: BrowsingSession, qtbot: Any) -> None:
    session.choose(Choices(GENERAL, DenoisingSettings(device="cpu")))
    session.look_at(0)
    qtbot.waitUntil(lambda: session.shown.stage == "denoised")
    session.choose(Choices())
    assert (session.shown.name, session.shown.stage) == (NAMES[0], "waiting")
    assert len(session.table.thumbnails) == 0


def test_with_other_settings_files_are_read_again(session: BrowsingSession, qtbot: Any) -> None:
    session.look_at(0)
    qtbot.waitUntil(lambda: session.shown.name == NAMES[0])
    session.choose(Choices(reading=ReadingSettings(pixel_size=2.25)))
    session.look_at(0)
    qtbot.waitUntil(lambda: session.shown.name == NAMES[0] and not session.table.lacks_facts(0))
    assert session.table.row(0).facts.pixel_size == 2.25  # type: ignore[union-attr]
    assert session.shown.raw.scale[0] == pytest.approx(2.25)


def test_a_source_that_is_not_there_is_reported(
    session: BrowsingSession, qtbot: Any, tmp_path: Path, notices: list[str]
) -> None:
    session.open(tmp_path / "none.star")
    qtbot.waitUntil(lambda: bool(notices))
    assert "none.star" in notices[0]
    assert "none.star" in session.words()
