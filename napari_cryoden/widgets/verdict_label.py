"""How a run stands, in words beside a mark of the same meaning."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

from cryoden.events.quality import TrainingStatus
from napari_cryoden.tool_tip import set_tip

# Okabe and Ito's colors, distinct for any color vision; the marks differ in shape, too.
_ON_DARK = {"good": "#2fd0a0", "wait": "#a8b0bb", "bad": "#e69f00"}
_ON_LIGHT = {"good": "#00795a", "wait": "#6b6b6b", "bad": "#b34d00"}
MARKS = {"good": "●", "wait": "○", "bad": "▲"}


class VerdictLabel(QLabel):
    """A mark in color, and the words in the color of all other text.

    Parameters
    ----------
    lines : int
        Lines of text that are always kept free, so that nothing jumps as words come and go.
    """

    def __init__(self, lines: int = 1) -> None:
        super().__init__()
        self.setMinimumHeight(lines * self.fontMetrics().lineSpacing())
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._verdict: TrainingStatus | None = None
        self.set_theme(dark=True)

    def show_verdict(self, verdict: TrainingStatus | None) -> None:
        """Show this; ``None`` leaves an empty line."""
        self._verdict = verdict
        self.setText("" if verdict is None else self._html(verdict))
        set_tip(self, "" if verdict is None else verdict.words)

    def set_theme(self, dark: bool) -> None:
        """Take the colors for a dark or a light background."""
        self._colors = colors(dark)
        self.show_verdict(self._verdict)

    def _html(self, verdict: TrainingStatus) -> str:
        level = verdict.level
        return f'<span style="color: {self._colors[level]}">{MARKS[level]}</span> {escape(verdict.words)}'


def colors(dark: bool) -> dict[str, str]:
    """Return the color of each mark on a dark or a light background."""
    return _ON_DARK if dark else _ON_LIGHT
