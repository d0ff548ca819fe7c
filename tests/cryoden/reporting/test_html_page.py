from __future__ import annotations

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from cryoden.reporting.html_page import filled

REPORTING = "cryoden.reporting"


def test_a_page_escapes_words_and_keeps_markup() -> None:
    page = filled(REPORTING, "page.html", title="<b>", body=Markup("<i>kept</i>"))
    assert "<title>&lt;b&gt;</title>" in page
    assert "<i>kept</i>" in page
    assert "<script>" not in filled(REPORTING, "page.html", title="", body="<script>")


def test_a_page_holds_its_style_and_loads_nothing() -> None:
    page = filled(REPORTING, "page.html", title="", body="")
    assert "--paper" in page
    assert not any(word in page for word in ("http", "<link", "@import", "url("))


def test_a_value_that_is_forgotten_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        filled(REPORTING, "page.html", title="")
