from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from cryoden.browsing.decisions import UNDECIDED
from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.listed_facts import ListedFacts
from napari_cryoden.browsing.columns import COLUMNS, chooser
from napari_cryoden.browsing.exposure_table import ExposureTable
from napari_cryoden.browsing.table_view import ROOMY, ExposureView

MANY = 20_000


@pytest.fixture
def view(qtbot: Any) -> ExposureView:
    table = ExposureTable()
    table.show_exposures([Exposure(f"m{number}.mrc") for number in range(MANY)], lambda _: UNDECIDED)
    view = ExposureView(table)
    view.table = table
    qtbot.addWidget(view)
    view.resize(400, 500)
    view.show()
    qtbot.waitExposed(view)
    return view


def test_of_many_rows_only_those_in_view_are_asked_for(view: ExposureView, qtbot: Any) -> None:
    asked = set[int]()
    answer = view.table.row
    view.table.row = lambda place: (asked.add(place), answer(place))[1]  # type: ignore[method-assign,func-returns-value]
    bar = view.verticalScrollBar()
    assert bar is not None
    with qtbot.waitSignal(view.settled):
        bar.setValue(MANY // 2)
    view.grab()
    assert view.in_view()[0] == MANY // 2
    assert len(view.in_view()) < 20
    assert len(asked) < 60


def test_arrows_go_from_one_exposure_to_the_next_in_the_order_shown(view: ExposureView, qtbot: Any) -> None:
    places = list[int]()
    view.looked_at.connect(places.append)
    view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    view.look_at_row(0)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    first, second = view.table.order[:2]
    assert places == [first, second, first]
    assert view.behind(2, back=False) == view.table.order[1:3]
    assert view.behind(2, back=True) == []


def test_a_step_beyond_the_end_stays_at_the_end(view: ExposureView) -> None:
    view.look_at_row(MANY - 1)
    view.step(1)
    assert view.current() == MANY - 1


def test_letters_ask_and_do_not_search(view: ExposureView, qtbot: Any) -> None:
    asked = list[str]()
    view.asked.connect(asked.append)
    view.look_at_row(5)
    for key in (Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_N, Qt.Key.Key_U):
        qtbot.keyClick(view, key)
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert asked == ["accept", "reject", "note", "undo"]
    assert view.current() == 5


def test_what_is_looked_at_is_found_again_after_a_filter(view: ExposureView) -> None:
    view.look_at(1234)
    view.table.filter(chooser("m12"))
    view.look_at(1234)
    assert view.current() == 1234
    assert view.table.rowCount() < MANY


def test_short_names_leave_room_for_numbers_and_long_ones_are_broken(view: ExposureView) -> None:
    view.show_columns()
    assert view.columnWidth(0) < 130
    long = [Exposure("FoilHole_24671727_Data_24669536_24669538_20260412_1830_fractions.mrc")]
    view.table.show_exposures(long, lambda _: UNDECIDED)
    view.show_columns()
    assert view.columnWidth(0) == 180


def test_thumbnails_are_shown_at_their_full_size_in_a_tall_table(view: ExposureView, qtbot: Any) -> None:
    heights = []
    for height in (500, 1400, 500):
        view.resize(400, height)
        qtbot.waitUntil(lambda height=height: view.height() == height)
        heights.append((view.iconSize().width(), view.rowHeight(0)))
    assert heights == [(48, 52), (96, 100), (48, 52)]


def test_columns_of_which_a_list_says_nothing_are_not_shown(view: ExposureView) -> None:
    def shown() -> list[str]:
        return [one.title for place, one in enumerate(COLUMNS) if not view.isColumnHidden(place)]

    view.show_columns()
    assert shown() == ["exposure", "decision", "size", "Å/px", "note"]
    known = [
        Exposure("a.mrc"),
        Exposure("b.mrc", facts=ListedFacts(defocus=1.5), denoised=Path("b_denoised.mrc")),
    ]
    view.table.show_exposures(known, lambda _: UNDECIDED)
    view.show_columns()
    assert shown() == ["exposure", "decision", "defocus µm", "size", "Å/px", "denoised", "note"]


def test_the_size_of_thumbnails_does_not_change_with_scroll_bars(view: ExposureView, qtbot: Any) -> None:
    head, bar = view.horizontalHeader(), view.horizontalScrollBar()
    assert head is not None
    assert bar is not None
    sides, height = set(), ROOMY + head.height() + 2 * view.frameWidth() + 2
    for width, is_scrolled in ((1500, False), (200, True)):
        view.resize(width, height)
        qtbot.waitUntil(lambda shown=is_scrolled: bar.isVisible() == shown)
        sides.add(view.iconSize().width())
    assert len(sides) == 1


def test_a_column_of_names_that_the_user_has_dragged_keeps_its_width(view: ExposureView) -> None:
    view.show_columns()
    head = view.horizontalHeader()
    assert head is not None
    head.resizeSection(0, 300)
    view.table.show_exposures([Exposure("another.mrc")], lambda _: UNDECIDED)
    view.show_columns()
    assert view.columnWidth(0) == 300
