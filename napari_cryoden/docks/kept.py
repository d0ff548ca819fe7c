"""What was chosen in a dock, for the next one of its kind in the same window."""

from __future__ import annotations

from functools import partial
from typing import Any, Self
from weakref import ReferenceType, ref

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QCheckBox, QComboBox

from napari_cryoden.widgets.model_field import ModelField
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.widgets.settings_form import SettingsForm
from napari_cryoden.window import main_window

Field = QCheckBox | QComboBox | PathField | SettingsForm[Any]


class Kept(QObject):
    """Lives as long as the window; Qt tells no widget that its dock is closed, so each change is kept."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(main_window(viewer))
        self.values: dict[str, Any] = {}

    @classmethod
    def of(cls, viewer: Any) -> Self:
        """Return the window's; the first caller makes it."""
        return main_window(viewer).findChild(cls) or cls(viewer)


def keep(viewer: Any, dock: str, **fields: Field) -> None:
    """Give fields what they had in the last dock of this name, and keep what they get from now on."""
    values = Kept.of(viewer).values
    for name, field in fields.items():
        key = f"{dock}: {name}"
        if key in values:
            _put(field, values[key])
        _changed(field).connect(partial(_note, values, key, ref(field)))


def _note(values: dict[str, Any], key: str, held: ReferenceType[Field], *_: Any) -> None:
    field = held()
    if field is not None:
        values[key] = _got(field)


def _changed(field: Field) -> Any:
    if isinstance(field, QCheckBox):
        return field.toggled
    if isinstance(field, QComboBox):
        return field.currentTextChanged if field.isEditable() else field.currentIndexChanged
    return field.changed


def _got(field: Field) -> Any:
    if isinstance(field, QCheckBox):
        return field.isChecked()
    if isinstance(field, QComboBox):
        return field.currentText() if field.isEditable() else field.currentIndex()
    if isinstance(field, SettingsForm):
        return field.chosen()
    return field.own if isinstance(field, ModelField) else field.path


def _put(field: Field, value: Any) -> None:
    if isinstance(field, QCheckBox):
        field.setChecked(value)
    elif isinstance(field, QComboBox):
        field.setCurrentText(value) if field.isEditable() else field.setCurrentIndex(value)
    elif isinstance(field, SettingsForm):
        field.choose(value)
    elif value is not None:
        field.path = value
