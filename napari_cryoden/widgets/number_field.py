"""Number fields in which the decimal mark is a point or a comma, in any locale.

Qt takes the one that is no decimal mark of the locale for a mark between thousands and drops it:
0.5 typed in Germany would become 5. It also refuses each key that leads out of the range, and makes
0.25 of 2.25 and 34 of 3e-4. Here a number stays as it is typed until the field is left; then it
becomes the nearest one in the range.
"""

from __future__ import annotations

import re
from contextlib import suppress

from qtpy.QtCore import QLocale
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

Validated = tuple[QValidator.State, str, int]
BEGUN = re.compile(r"[+-]?\d*\.?\d*(e[+-]?\d*)?", re.IGNORECASE)


class DecimalField(QDoubleSpinBox):
    """Shows a point, and makes one of a comma that is typed or pasted."""

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(QLocale.c())

    def validate(self, text: str | None, position: int) -> Validated:
        """Say whether this is a number, or may become one, with a point for each comma."""
        return _or_begun(super().validate(_with_point(text), position), self.suffix())

    def fixup(self, text: str | None) -> str:
        """Return the nearest number in the range."""
        number = _number(_with_point(text), self.suffix())
        if number is None:
            return text or ""
        return self.textFromValue(min(max(number, self.minimum()), self.maximum())) + self.suffix()


class WholeField(QSpinBox):
    """Takes whole numbers, and the whole part of others: a mark that could not be typed makes 15 of 1.5."""

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(QLocale.c())

    def validate(self, text: str | None, position: int) -> Validated:
        """Say whether this is a whole number, or what one can be made of."""
        return _or_begun(super().validate(_with_point(text), position), self.suffix())

    def fixup(self, text: str | None) -> str:
        """Return the nearest whole number in the range, toward 0."""
        number = _number(_with_point(text), self.suffix())
        if number is None:
            return text or ""
        return self.textFromValue(int(min(max(number, self.minimum()), self.maximum()))) + self.suffix()


def _with_point(text: str | None) -> str:
    return (text or "").replace(",", ".")


def _or_begun(checked: Validated, suffix: str) -> Validated:
    state, text, position = checked
    if state == QValidator.State.Invalid and BEGUN.fullmatch(text.removesuffix(suffix)):
        return QValidator.State.Intermediate, text, position
    return checked


def _number(text: str, suffix: str) -> float | None:
    with suppress(ValueError):
        return float(text.removesuffix(suffix))
    return None
