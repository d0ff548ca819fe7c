"""Pages written as Markdown, and the same as one HTML file with its pictures inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

from cryoden.io.atomic import atomic_write
from cryoden.reporting.html_page import filled


def write(
    text: str, path: Path, *, title: str = "", pictures: Iterable[Path] = (), overwrite: bool = True
) -> None:
    """Publish a page: as Markdown where the name ends in ``.md``, else as HTML.

    Raises
    ------
    OutputError
        O02 to O06 when it cannot be written there.
    """
    content = text if path.suffix == ".md" else html(title, text, pictures)
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(content, encoding="utf-8")


def html(title: str, text: str, pictures: Iterable[Path] = ()) -> str:
    """Return a page in Markdown as HTML; pictures it names are put into it."""
    from markdown_it import MarkdownIt  # noqa: PLC0415  only for a report
    from markupsafe import Markup  # noqa: PLC0415  as above

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    for picture in pictures:
        inside = b64encode(picture.read_bytes()).decode()
        body = body.replace(f'src="{picture.name}"', f'src="data:image/png;base64,{inside}"')
    return filled(__package__, "page.html", title=title, body=Markup(body))  # noqa: S704  Markdown without HTML
