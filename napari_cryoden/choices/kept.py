"""What was chosen in a dock, for the next one of its kind, in this window or a later one."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

from qtpy.QtWidgets import QCheckBox, QComboBox

from napari_cryoden.remembered import all_remembered, remember
from napari_cryoden.widgets.model_field import ModelField
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.widgets.settings_form import SettingsForm
from napari_cryoden.window import OfWindow, main_window

# What would do harm where nobody remembers to have chosen it: to overwrite, to train on something else, what
# belongs to one acquisition, as a pixel size or a gain reference does.
THIS_WINDOW = {
    *(f"{dock}: reading" for dock in ("Open", "Batch", "Browse", "Movies")),
    *("Batch: replace", "Movies: replace", "Movies: gain", "Movies: defects", "Movies: form"),
    *("Train: choice", "Train: start", "Train: then"),
}
Field = QCheckBox | QComboBox | PathField | SettingsForm[Any]


class Kept(OfWindow):
    """Lives as long as the window; Qt tells no widget that its dock is closed, so each change is kept.

    A window begins with what the last one had, but for `THIS_WINDOW`.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(main_window(viewer))
        self.values: dict[str, Any] = {key: value for key, value in all_remembered().items() if ": " in key}

    def note(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.values[key] = value
        if key not in THIS_WINDOW:
            remember(key, value)


def keep(viewer: Any, dock: str, **fields: Field) -> None:
    """Give fields what they had in the last dock of this name, and keep what they get from now on."""
    kept = Kept.of(viewer)
    for name, field in fields.items():
        key = f"{dock}: {name}"
        _restore(field, kept.values, key)
        _changed(field).connect(partial(_note, ref(kept), key, ref(field)))


def _restore(field: Field, values: dict[str, Any], key: str) -> None:
    if key in values:
        with suppress(AttributeError, KeyError, TypeError, ValueError):  # of another version
            _put(field, values[key])


def _note(window: ReferenceType[Kept], key: str, held: ReferenceType[Field], *_: Any) -> None:
    kept, field = window(), held()
    if field is not None and kept is not None:
        kept.note(key, _got(field))


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
        if field.isEditable():
            field.setCurrentText(value)
        elif 0 <= value < field.count():
            field.setCurrentIndex(value)
    elif isinstance(field, SettingsForm):
        field.choose(value)
    elif value is not None:
        field.path = Path(value)
