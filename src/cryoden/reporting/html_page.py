"""One HTML page that needs nothing else: no script, nothing loaded from anywhere."""

from __future__ import annotations

from html import escape
from importlib.resources import files


def page(title: str, body: str) -> str:
    """Return a whole page around its body, in the look all reports share."""
    style = (files(__package__) / "report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n<body>{body}</body></html>\n"
    )
