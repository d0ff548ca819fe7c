"""How bright a color is, and a plot that has drawn a run."""

from __future__ import annotations

from typing import Any


def drawn(qtbot: Any, plot: Any, history: Any) -> None:
    before = plot.redraws
    plot.show_history(history)
    qtbot.waitUntil(lambda: plot.redraws > before)


def luminance(color: Any) -> Any:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
