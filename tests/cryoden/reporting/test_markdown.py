from __future__ import annotations

from pathlib import Path

from cryoden.reporting import markdown
from cryoden.reporting.html_page import filled


def test_a_cell_of_a_table_stays_one_cell(tmp_path: Path) -> None:
    template = filled("cryoden.runs", "comparison.md", **COMPARED)
    markdown.write(template, tmp_path / "a.html", title="A")
    page = (tmp_path / "a.html").read_text()
    assert "<td>a|b c</td>" in page
    assert "<td>&lt;b&gt;</td>" in page
    assert page.count("<table>") == 2


COMPARED = {
    "head": ["", "a|b\nc"],
    "rows": [["a|b\nc", "<b>"]],
    "reported": [],
    "picture": "none.png",
    "courses": [("a", "smooth")],
    "results": [],
    "figures": [],
}
