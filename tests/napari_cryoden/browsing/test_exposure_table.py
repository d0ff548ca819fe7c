from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPersistentModelIndex, QSize, Qt

from cryoden.browsing.decisions import UNDECIDED, Decision
from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.file_facts import FileFacts
from cryoden.browsing.listed_facts import ListedFacts
from napari_cryoden.browsing.columns import COLUMNS, chooser
from napari_cryoden.browsing.exposure_table import MOST, ExposureTable

TITLES = [column.title for column in COLUMNS]
DESCENDING = Qt.SortOrder.DescendingOrder


def exposures(count: int) -> list[Exposure]:
    fits = np.random.default_rng(3).permutation(count)
    return [
        Exposure(f"m{number}.mrc", facts=ListedFacts(1.0, 1.2, float(fit) if fit else None))
        for number, fit in enumerate(fits)
    ]


@pytest.fixture
def table(qapp: Any) -> ExposureTable:  # noqa: ARG001  there must be one
    table = ExposureTable()
    table.show_exposures(exposures(6), lambda _: UNDECIDED)
    return table


def column(table: ExposureTable, title: str) -> list[str]:
    place = TITLES.index(title)
    return [table.data(table.index(row, place)).replace("\u200b", "") for row in range(table.rowCount())]


def test_each_row_says_what_its_list_says(table: ExposureTable) -> None:
    assert column(table, "exposure") == [f"m{number}" for number in range(6)]
    assert set(column(table, "defocus µm")) == {"1.20"}
    assert column(table, "size") == [""] * 6
    table.set_facts(1, FileFacts((100, 200), 1.0))
    assert column(table, "size")[1] == "200×100"


def test_sorted_by_a_number_what_is_not_known_comes_last_either_way(table: ExposureTable) -> None:
    table.sort(TITLES.index("CTF fit Å"))
    assert column(table, "CTF fit Å") == ["1.0", "2.0", "3.0", "4.0", "5.0", ""]
    table.sort(TITLES.index("CTF fit Å"), DESCENDING)
    assert column(table, "CTF fit Å") == ["5.0", "4.0", "3.0", "2.0", "1.0", ""]


def test_what_is_looked_at_stays_when_it_is_sorted(table: ExposureTable) -> None:
    held = QPersistentModelIndex(table.index(2, 0))
    table.sort(0, DESCENDING)
    assert table.order[held.row()] == 2


def test_rows_are_chosen_by_words_and_by_conditions(table: ExposureTable) -> None:
    table.filter(chooser("fit<3 m"))
    assert all(float(fit) < 3 for fit in column(table, "CTF fit Å"))
    assert table.rowCount() == 2
    table.filter(chooser("M5"))
    assert column(table, "exposure") == ["m5"]
    table.filter(chooser(""))
    assert table.rowCount() == 6


def test_rows_are_chosen_by_verdict_and_note(table: ExposureTable) -> None:
    known = {"m1.mrc": Decision("rejected", "carbon"), "m2.mrc": Decision("accepted")}
    table.show_exposures(exposures(6), lambda name: known.get(name, UNDECIDED))
    wanted = {"rejected": ["m1"], "accepted": ["m2"], "with a note": ["m1"]}
    for which, names in wanted.items():
        table.filter(chooser("", which))
        assert column(table, "exposure") == names
    table.filter(chooser("carbon", "undecided"))
    assert table.rowCount() == 0
    table.filter(chooser("", "undecided"))
    assert table.rowCount() == 4


def test_however_many_rows_are_seen_no_more_thumbnails_are_kept_than_fit(qapp: Any) -> None:  # noqa: ARG001
    table = ExposureTable()
    table.show_exposures(exposures(4000), lambda _: UNDECIDED)
    for exposure in table.exposures:
        table.set_thumbnail(exposure.name, np.zeros((96, 96), np.uint8))
    assert table.thumbnails.bytes <= MOST
    assert table.exposures[-1].name in table.thumbnails
    assert table.exposures[0].name not in table.thumbnails


def test_a_thumbnail_is_in_the_first_column_of_its_row(table: ExposureTable) -> None:
    pixels = np.full((96, 60), 200, np.uint8)
    table.set_thumbnail("m3.mrc", pixels)
    icon = table.data(table.index(3, 0), Qt.ItemDataRole.DecorationRole)
    image = icon.pixmap(96, 96).toImage()
    assert (image.width(), image.height()) == (60, 96)
    assert image.pixelColor(30, 40).red() == 200
    assert table.data(table.index(3, 1), Qt.ItemDataRole.DecorationRole) is None


def test_thumbnails_of_any_size_leave_names_in_one_line(table: ExposureTable) -> None:
    for row, (height, width) in enumerate(((85, 85), (96, 96), (40, 80))):
        table.set_thumbnail(f"m{row}.mrc", np.zeros((height, width), np.uint8))
        icon = table.data(table.index(row, 0), Qt.ItemDataRole.DecorationRole)
        assert icon.actualSize(QSize(96, 96)).width() == 96
