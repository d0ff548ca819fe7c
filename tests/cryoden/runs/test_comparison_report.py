from __future__ import annotations

from pathlib import Path

from cryoden.cli import main


def test_the_comparison_as_markdown_has_its_picture_beside_it(log: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert main.main(["compare", str(log), "climate", "--report", str(page)]) == 0
    assert "![Loss by epoch](page_curves.png)" in page.read_text()
    assert (tmp_path / "page_curves.png").read_bytes().startswith(b"\x89PNG")
