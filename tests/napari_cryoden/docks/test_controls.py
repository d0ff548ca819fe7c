"""Every control of every dock: it explains itself, and the keyboard reaches it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QWidget,
)

from napari_cryoden.docks.workbench import STEPS

CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QAbstractSpinBox, QAbstractSlider)


def controls(dock: QWidget) -> list[QWidget]:
    """Those a user sees as one: no line inside a spin box, no arrow, no scroll bar, no cross of a line."""
    found = [one for kind in CONTROLS for one in dock.findChildren(kind)]
    inner = (QAbstractSpinBox, QComboBox, QAbstractItemView, QLineEdit)
    return [
        one
        for one in found
        if not isinstance(one, QScrollBar)
        and not any(isinstance(above, inner) for above in _above(one, dock))
    ]


def _above(one: QWidget, dock: QWidget) -> list[QWidget]:
    chain, parent = [], one.parentWidget()
    while parent is not None and parent is not dock:
        chain.append(parent)
        parent = parent.parentWidget()
    return chain


def told(one: QWidget, dock: QWidget) -> str:
    tips = [widget.toolTip() for widget in (one, *_above(one, dock)[:2])]
    return next((tip for tip in tips if tip), "")


def words(one: QWidget) -> str:
    return f"{type(one).__name__} {getattr(one, 'text', lambda: '')()}"


def test_every_control_says_what_it_does_or_why_it_is_off(docked: Any) -> None:
    for dock in (docked(name)[1] for name in STEPS):
        assert controls(dock)
        assert [words(one) for one in controls(dock) if not told(one, dock)] == []


def test_the_keyboard_reaches_every_control(docked: Any) -> None:
    for dock in (docked(name)[1] for name in [*STEPS, "All steps"]):
        deaf = [one for one in controls(dock) if not one.focusPolicy() & Qt.FocusPolicy.TabFocus]
        assert [words(one) for one in deaf] == []
