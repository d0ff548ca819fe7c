"""Tips that show names as they are: Qt takes a text with a ``<`` in it for markup."""

from __future__ import annotations

from html import escape
from typing import Protocol

from qtpy.QtCore import Qt

MARKUP = ("<", "&lt;")  # by which Qt guesses


class _HasTip(Protocol):
    def setToolTip(self, text: str | None, /) -> None: ...  # noqa: N802  Qt's name


def set_tip(what: _HasTip, text: str) -> None:
    """Give a widget, or an item of a list or table, a tip in which nothing is markup."""
    what.setToolTip(as_text(text))


# Of models, whose tips are `as_text`.
TIP = Qt.ItemDataRole.ToolTipRole


def as_text(text: str) -> str:
    """Return what Qt shows as this text, where it guesses whether a text is markup."""
    if not any(mark in text for mark in MARKUP):
        return text
    return f'<p style="white-space: pre-wrap">{escape(text, quote=False)}</p>'
