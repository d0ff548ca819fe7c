from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_page_of_settings_says_what_the_settings_are() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "write_settings.py"))["page"]()
    assert (ROOT / "docs" / "settings.md").read_text() == written, "run: python docs/write_settings.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_flag_in_the_readme_is_one_of_the_program() -> None:
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / "README.md").read_text()))
    sources = " ".join(path.read_text() for path in (ROOT / "src" / "cryoden").rglob("*.py")).replace(
        "_", "-"
    )
    assert not {flag for flag in told - {"--help"} if not re.search(rf"\b{flag[2:]}\b", sources)}
