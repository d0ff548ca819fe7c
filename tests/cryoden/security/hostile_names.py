"""Text that would do something where it is not shown as text, and what shows that it has."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

from hypothesis import strategies as st

LINE = "FORGEDLINE"  # stands after what would begin a new line
PIECES = (
    "\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\r", f"\n{LINE}", f"\u2028{LINE}", f"\x0b{LINE}",
    "\u202e", "\u2066", "\u200b", "\x7f", "\udcff", "Å", " ", "_", "\t", "\\", "#", "%", '"', "'",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'><svg onload=alert(1)>", "&lt;b&gt;",
    "[bold]", "[link=x]", ":smile:", "[/]", "**b**", "__c__", "`d`", "|", "~~e~~", "$x^2$",
    "![x](x.png)", "[y](javascript:alert)", "{{ 7*7 }}", "{% raw %}", "=1+1", "+1", "@SUM(A1)", "loop_",
)  # fmt: skip
names = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)
# All of it at once that the name of a file can have, which is no longer than 255 bytes.
WORST = f"\x1b[31m\n{LINE}\u202e<img src=x onerror=alert(1)>[bold][nobody]|`d`\r{{{{ 7*7 }}}}=1"
UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def unseen(text: str) -> list[str]:
    """Return what of a text no reader would see: control characters, and changes of direction."""
    return [f"{found.group()!r} at {found.start()}" for found in UNSEEN.finditer(text)]


def faults(text: str) -> list[str]:
    """Return what of a hostile name is more than letters in a text of lines; a table may fold it."""
    lines = ["", *text.splitlines()]
    forged = [line for before, line in pairwise(lines) if line.startswith(LINE) and "\\" not in before]
    return [*unseen(text), *forged]


class Tags(HTMLParser):
    """Collects the elements of a page, each with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.sources: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one, see `HTMLParser.handle_starttag`."""
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.sources += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href"}]

    def faults(self) -> list[str]:
        """Return what would run, or would be fetched."""
        run = [f"<{tag}>" for tag, _ in self.found if tag in {"script", "iframe", "object", "link", "form"}]
        run += [f"<{tag} {name}>" for tag, names in self.found for name in names if name.startswith("on")]
        return run + [one[:60] for one in self.sources if not one.startswith(("data:image/png;base64,", "#"))]
