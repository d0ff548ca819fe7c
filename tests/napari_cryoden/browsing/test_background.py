from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject

from cryoden.browsing.exposure_list import exposures_in
from napari_cryoden.browsing.background import Background, InView, Known, knowledge
from tests.cryoden.browsing.acquisition import write_folder, write_project


def test_what_is_in_view_is_read_first_and_the_rest_after_it(tmp_path: Path) -> None:
    exposures = exposures_in(write_project(tmp_path)).exposures
    in_view = InView()
    in_view.set([2])
    known = knowledge(exposures, in_view, None)
    places = [event.place for event in (next(known) for _ in range(3)) if event is not None]
    assert places == [2, 0, 1]
    assert next(known) is None


def test_halves_are_checked_only_where_they_are_in_view(tmp_path: Path) -> None:
    exposures = exposures_in(write_folder(tmp_path)).exposures
    in_view = InView()
    known = knowledge(exposures, in_view, None)
    events = [next(known) for _ in range(3)]
    assert not any(event.halves for event in events if event is not None)
    in_view.set([0, 1])
    event = next(known)
    assert isinstance(event, Known)
    assert event.halves is not None
    assert next(known) is None


def test_what_is_stopped_says_nothing_more(qtbot: Any) -> None:
    parent = QObject()
    background, found = Background(parent), list[Any]()

    def endless() -> Generator[int | None, None, None]:
        number = 0
        while True:
            yield number
            number += 1

    background.found.connect(found.append)
    background.run(endless, ahead=1)
    qtbot.waitUntil(lambda: len(found) > 1)
    background.stop()
    before = len(found)
    background.run(lambda: iter((None,)))  # type: ignore[arg-type,return-value]
    qtbot.waitUntil(lambda: not background.running)
    assert len(found) == before
