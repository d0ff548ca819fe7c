from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from cryoden.evaluation import report
from tests.cryoden.evaluation.planted import (
    finished,
)


def test_the_report_shows_every_method_and_loads_nothing_from_anywhere(tmp_path: Path) -> None:
    found = finished()
    report.write(found.table, found.pictures, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = _Reader()
    reader.feed(page)
    assert {row.name for row in found.table.rows} <= {text.removesuffix(" *") for text in reader.texts}
    assert not re.findall(r"https?:|//[\w-]+\.|url\(|@import|<script|<link|<iframe", page)
    assert all(source.startswith("data:image/png;base64,") for source in reader.sources)
    assert len(reader.sources) == 3 + 3 * 5  # raw, low-pass, Wiener; of each model its image and two doubts
    assert any("Hallucinated signal" in text for text in reader.texts)


class _Reader(HTMLParser):
    """Collects what a page says and where its pictures are from."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.sources.append(dict(attrs)["src"] or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_a_method_with_a_hostile_name_cannot_change_the_report() -> None:
    found = finished()
    name = "<script>alert(1)</script>"
    renamed = tuple(replace(row, name=name if row.name == "copy" else row.name) for row in found.table.rows)
    assert name not in report.page(replace(found.table, rows=renamed), found.pictures)
