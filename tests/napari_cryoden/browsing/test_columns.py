from __future__ import annotations

from pathlib import Path

from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.listed_facts import ListedFacts
from cryoden.dataset.half_checks import HalfCheck
from cryoden.dataset.half_names import HalfFiles
from napari_cryoden.browsing.columns import COLUMNS, Row, breakable, chooser

HALVES = {column.title: column for column in COLUMNS}["halves"]


def fits(text: str, row: Row) -> bool:
    is_shown = chooser(text)
    assert is_shown is not None
    return is_shown(row)


def test_halves_are_pending_then_usable_or_what_is_wrong() -> None:
    pair = HalfFiles("m", Path("m_EVN.mrc"), Path("m_ODD.mrc"))
    exposure = Exposure("m", halves=pair)
    assert HALVES.text(Row(Exposure("m"))) == ""
    assert HALVES.text(Row(exposure)) == "…"
    assert HALVES.text(Row(exposure, halves=HalfCheck(True, "ready", 0.5, ""))).endswith("usable")
    assert HALVES.text(Row(exposure, halves=HalfCheck(False, "black", 0.0, ""))).endswith("black")


def test_conditions_know_signs_and_what_is_not_known_fits_none() -> None:
    row = Row(Exposure("m", facts=ListedFacts(1.0, 1.5, 4.0)))
    assert fits("fit<=4 defocus>=1.5 pixel>0.9", row)
    assert not fits("fit<4", row)
    assert not fits("ice>0", row)
    assert not fits("ice<9", row)


def test_what_looks_like_a_condition_on_nothing_is_a_word() -> None:
    assert fits("a<3", Row(Exposure("data<3.mrc")))
    assert not fits("a<3", Row(Exposure("m")))


def test_long_names_may_break_behind_their_parts() -> None:
    assert breakable("a_b-c") == "a_\u200bb-\u200bc"
