"""Number fields in which the decimal mark is a point or a comma, in any locale.

Qt takes the one that is no decimal mark of the locale for a mark between thousands and drops it:
0.5 typed in Germany would become 5. It also refuses each key that leads out of the range, and makes
0.25 of 2.25 and 34 of 3e-4. Here a number stays as it is typed until the field is left; then it
becomes the nearest one in the range.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QLocale
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

if TYPE_CHECKING:
    SpinBox = QDoubleSpinBox  # or any other: what they have in common is used
else:
    SpinBox = object

Validated = tuple[QValidator.State, str, int]
BEGUN = re.compile(r"[+-]?\d*\.?\d*(e[+-]?\d*)?", re.IGNORECASE)


class _NumberField(SpinBox):
    """Shows a point, makes one of a comma that is typed or pasted, and takes what is within the range."""

    kind: type[float | int]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.setLocale(QLocale.c())

    def validate(self, text: str | None, position: int) -> Validated:
        """Say whether this is a number, or may become one, with a point for each comma."""
        state, seen, position = super().validate(_with_point(text), position)
        if state == QValidator.State.Invalid and BEGUN.fullmatch(seen.removesuffix(self.suffix())):
            return QValidator.State.Intermediate, seen, position
        return state, seen, position

    def fixup(self, text: str | None) -> str:
        """Return the nearest number in the range; of a whole one the part before the mark."""
        with suppress(ValueError):
            number = float(_with_point(text).removesuffix(self.suffix()))
            nearest = self.kind(min(max(number, self.minimum()), self.maximum()))
            return self.textFromValue(nearest) + self.suffix()
        return text or ""


class DecimalField(_NumberField, QDoubleSpinBox):
    """Takes numbers with digits behind the mark."""

    kind = float


class WholeField(_NumberField, QSpinBox):  # type: ignore[misc]  # while it runs the base is no spin box
    """Takes whole numbers, and the whole part of others: a mark that could not be typed makes 15 of 1.5."""

    kind = int


def _with_point(text: str | None) -> str:
    return (text or "").replace(",", ".")
