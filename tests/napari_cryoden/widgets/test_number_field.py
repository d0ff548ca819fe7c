"""Numbers typed where the decimal mark is a comma, and where it is a point."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from npe2 import PluginManifest
from qtpy.QtCore import QLocale, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox

LOCALES = ["en_US", "de_DE", "fr_FR", "C"]


@pytest.fixture(params=LOCALES)
def _locale(request: pytest.FixtureRequest) -> Iterator[None]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield
    QLocale.setDefault(before)


@pytest.fixture
def number_fields(_locale: None, docked: Any, manifest: PluginManifest) -> list[Any]:
    """Every number field of every dock."""
    names = [widget.display_name for widget in manifest.contributions.widgets or []]
    docks = [docked(name)[1] for name in names]
    found = [field for dock in docks for field in dock.findChildren(QAbstractSpinBox)]
    assert found
    return found


def enter(qtbot: Any, field: Any, text: str) -> None:
    field.setEnabled(True)  # some wait for their check box
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def taken(field: Any, number: float) -> Any:
    """What a field makes of a number: that where it can, else the nearest one in its range."""
    return min(max(number, field.minimum()), field.maximum())


def test_a_point_and_a_comma_are_the_decimal_mark_of_every_field(
    qtbot: Any, number_fields: list[Any]
) -> None:
    typed_in = ["0.5", "0,5", "2.5", "2,5", "12.5"]
    for typed, field in product(typed_in, number_fields):
        if not isinstance(field, QDoubleSpinBox):
            continue
        expected = taken(field, float(typed.replace(",", ".")))
        enter(qtbot, field, typed)
        assert field.value() == expected, field.toolTip()


def test_a_fraction_never_makes_ten_times_a_whole_number(qtbot: Any, number_fields: list[Any]) -> None:
    for typed, field in product(["64.5", "64,5"], number_fields):
        if isinstance(field, QDoubleSpinBox):
            continue
        enter(qtbot, field, typed)
        assert field.value() == taken(field, 64), field.toolTip()
        assert field.text() == str(field.value())


def test_a_number_that_is_pasted_is_read_as_one_that_is_typed(qtbot: Any, number_fields: list[Any]) -> None:
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    for field in number_fields:
        if isinstance(field, QDoubleSpinBox):
            line = field.lineEdit()
            assert line is not None
            expected = taken(field, 3.5)
            clipboard.setText("3,5")
            field.setEnabled(True)
            field.selectAll()
            line.paste()
            qtbot.keyClick(field, Qt.Key.Key_Return)
            assert field.value() == expected


def test_a_small_number_may_be_typed_with_its_power_of_ten(qtbot: Any, docked: Any) -> None:
    rate = docked("Train a denoiser")[1].form.fields["learning_rate"].native
    for typed, expected in (("3e-4", 3e-4), ("2,5E-5", 2.5e-5)):
        enter(qtbot, rate, typed)
        assert rate.value() == expected
