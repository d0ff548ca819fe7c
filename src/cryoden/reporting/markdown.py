"""Pages written as Markdown, and the same as one HTML file with its pictures inside."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from cryoden.errors import as_known, printable
from cryoden.io.atomic import atomic_write
from cryoden.io.retrying import retried
from cryoden.reporting.html_page import filled

if TYPE_CHECKING:
    from markdown_it.token import Token

# What means something in Markdown; underscores within words do not.
SPECIAL = re.compile(r"[\\`*\[\]<>|&!~#]|(?<![^\W_])_|_(?![^\W_])|^[-+](?=\s)")


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
    """Return a page in Markdown as HTML; pictures it names are put into it, and no others are shown."""
    from markdown_it import MarkdownIt  # noqa: PLC0415  only for a report
    from markupsafe import Markup  # noqa: PLC0415  as above

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    inside = {picture.name: picture for picture in pictures}
    tokens = parser.parse(text)
    for token in tokens:
        token.children = [_shown(one, inside) for one in token.children] if token.children else None
    body = parser.renderer.render(tokens, parser.options, {})
    return filled(__package__, "page.html", title=title, body=Markup(body))  # noqa: S704  Markdown without HTML


def _shown(token: Token, pictures: Mapping[str, Path]) -> Token:
    """Return a picture with its bytes in it; one from elsewhere, which would be fetched, as its words."""
    if token.type != "image":
        return token
    picture = pictures.get(unquote(str(token.attrs.get("src", ""))))
    if picture is None:
        return replace(token, type="text", tag="", attrs={}, children=None)
    address = f"data:image/png;base64,{b64encode(_content(picture)).decode()}"
    return replace(token, attrs={**token.attrs, "src": address})


@retried
def _content(picture: Path) -> bytes:
    try:
        return picture.read_bytes()
    except OSError as error:  # of which only those of opening name the file
        raise as_known(error, picture) from error


class Bold(str):
    """Text that is shown in bold."""

    __slots__ = ()


def escaped(text: object) -> str:
    """Return text of any origin as one line of Markdown that shows it, and does nothing else."""
    shown = SPECIAL.sub(r"\\\g<0>", printable(str(text).replace("\n", " ")))
    return f"**{shown}**" if isinstance(text, Bold) else shown


def address(name: str) -> str:
    """Return the name of a file beside a page as a link has it."""
    return quote(name, errors="surrogateescape")
