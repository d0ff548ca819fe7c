from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from cryoden.reporting.svg_charts import Axes, Bar, Line, bars, chart

AXES = Axes("FRC", "correlation", "Å", 0.0, 1.0, mark=1 / 7)
LINES = [
    Line("raw", 0, [0.01, 0.1, 0.2, 0.25], [1.0, 0.6, 0.143256, 0.0]),
    Line("0.123456 <b>$x$</b>", 1, [0.01, 0.1, 0.2, 0.25], [0.9, None, None, 7.0]),
]


def drawn(page: str) -> ET.Element:
    return ET.fromstring(page)  # noqa: S314  made by ourselves


def words(page: str) -> list[str]:
    return [text.text or "" for text in drawn(page).iter("text")]


def test_a_chart_names_resolutions_values_and_every_line() -> None:
    page = chart(AXES, LINES)
    assert {"200", "20", "10", "5", "resolution (Å)", "correlation", "0.2", "raw"} <= set(words(page))
    assert drawn(page).findtext("figcaption") == "FRC"


def test_words_from_outside_stay_words() -> None:
    assert "0.123456 <b>$x$</b>" in words(chart(AXES, LINES))
    assert "<i>" not in chart(Axes("<i>", "", "px", 0, 1), LINES)


@pytest.mark.parametrize("page", [chart(AXES, LINES), bars("Gain", "dB", [Bar("a", 1, 3.0)])])
def test_the_page_gives_the_colors_and_nothing_is_loaded(page: str) -> None:
    assert "var(--c1)" in page
    assert not re.findall(r"#[0-9a-f]{6}|https?:|url\(|<style|<script|<\?xml|id=", page)
    assert len(page) < 12_000


@pytest.mark.parametrize("length", [3, 20, 34, 60])
def test_every_line_is_named_within_the_chart_however_long_its_name(length: int) -> None:
    names = [letter * length for letter in "abcdefg"]
    page = chart(AXES, [Line(name, place, [0.1, 0.2], [0.9, 0.1]) for place, name in enumerate(names)])
    drawing = drawn(page).find("svg")
    assert drawing is not None
    width, height = (float(side) for side in drawing.attrib["viewBox"].split()[2:])
    at = {text.text: text for text in drawing.iter("text") if text.text in names}
    assert set(at) == set(names)
    assert all(float(text.attrib["x"]) + 5 * length < width for text in at.values())  # letters of 5 px
    assert all(0 < float(text.attrib["y"]) < height for text in at.values())
    assert len({(text.attrib["x"], text.attrib["y"]) for text in at.values()}) == len(names)


def test_a_chart_is_the_same_each_time() -> None:
    assert chart(AXES, LINES) == chart(AXES, LINES)


def test_a_line_without_any_value_is_left_out_and_a_chart_of_none_is_empty() -> None:
    empty = Line("nothing", 2, [0.1, 0.2], [None, None])
    assert "nothing" not in words(chart(AXES, [*LINES, empty]))
    assert not chart(AXES, [empty])


def test_a_value_outside_stays_at_the_edge_of_the_chart() -> None:
    inside, outside = (chart(AXES, [Line("a", 3, [0.1, 0.2], [0.5, high])]) for high in (1.0, 7.0))
    assert inside == outside


def test_bars_name_methods_and_values_and_what_is_not_known() -> None:
    found = words(
        bars("Gain", "dB", [Bar("a", 0, 4.25), Bar("b", 1, -0.04), Bar("c", 2, None), Bar("d", 3, -3.0)])
    )
    assert {"a", "b", "c", "d", "+4.2 dB", "+0.0 dB", "–", "-3.0 dB"} == set(found)
