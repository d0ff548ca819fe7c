from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import CryodenError, printable
from cryoden.io import retrying
from cryoden.reporting import markdown
from cryoden.reporting.html_page import filled
from cryoden.reporting.thumbnails import png


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
    "label": "CC",
    "courses": [("a", "smooth")],
    "results": [],
    "figures": [],
}

EVIL = "http://evil.example/x.png"
HOSTILE = [
    f"![x]({EVIL})", f"<img src={EVIL}>", f"[x]({EVIL})", f"[a]: {EVIL}", f"<{EVIL}>", "`a", "**b**", "__c__",
    "a|b", "# d", "- e", "&lt;", "\\", "a\x1b[31mb", "~~f~~", "_g_", f"![x][a]\n\n[a]: {EVIL}", "*",
]  # fmt: skip
NAMES = ["a b.png", "größe.png", "100%.png", "a(1).png", "a#b?.png", "_x_.png", "a'b.png"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_shown_as_it_is_and_nothing_is_fetched(name: str) -> None:
    compared = {
        **COMPARED,
        "head": ["", name],
        "rows": [[name, name]],
        "reported": [name],
        "courses": [(name, name)],
    }
    text = filled("cryoden.runs", "comparison.md", **compared)
    page = markdown.html("A", text)
    for tag in ("<img", "<a ", "<em>", "<strong>", "<code>", "<h3", "<li><ul", "<s>"):
        assert tag not in page
    assert "\x1b" not in text
    shown = escape(printable(name.replace("\n", " ")))
    assert f"<td>{shown}</td>" in page


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_any_name_is_in_the_page(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(png(np.zeros((2, 2), np.uint8)))
    text = filled("cryoden.runs", "comparison.md", **{**COMPARED, "picture": name})
    page = markdown.html("A", text, [tmp_path / name])
    assert page.count('src="data:image/png;base64,') == 1
    assert page.count("<img") == 1


def test_pictures_from_elsewhere_are_shown_as_their_words() -> None:
    page = markdown.html("A", f"![far away]({EVIL}) and ![a file](secret.png)")
    assert "<img" not in page
    assert "far away and a file" in page


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_picture_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "PAUSES", (0, 0))
    with pytest.raises(CryodenError, match=r"O03 +/proc/self/mem — "):
        markdown.html("Run", "![Losses](mem)", [Path("/proc/self/mem")])
