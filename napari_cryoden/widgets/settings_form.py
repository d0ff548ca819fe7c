"""A form for any settings class, derived from what each field says about itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin

from magicgui.widgets import ComboBox, create_widget
from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from cryoden.compute.memory import gpus
from cryoden.settings.fields import Setting, fields_of
from cryoden.settings.reading import ReadingSettings
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.number_field import DecimalField, WholeField

PIXEL_DECIMALS = 4  # of Å
S = TypeVar("S")


class NumberField:
    """A number field with the same face as the fields that magicgui makes."""

    def __init__(self, native: DecimalField | WholeField, tooltip: str) -> None:
        self.native: Any = native
        self.changed = native.valueChanged
        self.tooltip = tooltip
        for part in (native, native.lineEdit()):
            if part is not None:
                set_tip(part, tooltip)

    @property
    def value(self) -> float:
        """The number."""
        number: float = self.native.value()
        return number

    @value.setter
    def value(self, number: float) -> None:
        self.native.setValue(number)


Field = ValueWidget[Any] | NumberField


class SettingsForm(QWidget, Generic[S]):
    """Shows every field of a settings dataclass and gives the dataclass back.

    Parameters
    ----------
    settings : dataclass
        Values to start from; its class decides the fields, ranges, units and help.

    Signals
    -------
    changed
        A field has another value.
    """

    changed = Signal()

    def __init__(self, settings: S) -> None:
        super().__init__()
        self._kind, self._first = type(settings), settings
        self.fields: dict[str, Field] = {}
        self.expert = _expert_button()
        self._wheel = _WheelNeedsFocus(self)
        easy, hidden = _rows(), _rows()
        for name, (kind, setting) in fields_of(self._kind).items():
            field = _field(getattr(settings, name), kind, setting)
            field.native.installEventFilter(self._wheel)
            self.fields[name] = field
            field.changed.connect(self._change)
            rows = hidden if setting.expert else easy
            rows.addRow(_label(name, setting), field.native)
        self._lay_out(easy, hidden)

    def settings(self) -> S:
        """Return the chosen values.

        Raises
        ------
        SettingsError
            S01 with the field's name, when a value is outside its range.
        """
        return self._kind(**{name: field.value for name, field in self.fields.items()})

    def set(self, settings: S) -> None:
        """Show other values of the same class."""
        self.choose(asdict(settings))  # type: ignore[call-overload]  # any settings class

    def chosen(self) -> dict[str, Any]:
        """Return the values that are not those the form started from, whether they fit together or not."""
        return {
            name: field.value
            for name, field in self.fields.items()
            if field.value != getattr(self._first, name)
        }

    def choose(self, values: Mapping[str, Any]) -> None:
        """Show these values; the other fields stay as they are."""
        for name, value in values.items():
            if self._can_have(name, value):
                self.fields[name].value = value

    def _can_have(self, name: str, value: Any) -> bool:
        """Make sure that a choice is there; not a choice of another version."""
        field = self.fields[name]
        if not isinstance(field, ComboBox) or value in field.choices:
            return True
        if not fields_of(self._kind)[name][1].choices:
            return False
        field.choices = (*field.choices, value)  # a GPU of another machine
        return True

    def _change(self, *_: Any) -> None:
        self.changed.emit()

    def _lay_out(self, easy: QFormLayout, hidden: QFormLayout) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(easy)
        if hidden.rowCount() == 0:
            return
        content = QWidget()
        content.setLayout(hidden)
        content.setVisible(False)
        self.expert.toggled.connect(content.setVisible)
        self.expert.toggled.connect(
            lambda open_: self.expert.setArrowType(
                Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow
            )
        )
        column.addWidget(self.expert)
        column.addWidget(content)


def reading_form() -> SettingsForm[ReadingSettings]:
    """Return the form of how files are read."""
    form = SettingsForm(ReadingSettings())
    pixel_size = form.fields["pixel_size"].native
    pixel_size.setDecimals(PIXEL_DECIMALS)
    pixel_size.setSpecialValueText("as in the header")
    return form


def _expert_button() -> QToolButton:
    button = QToolButton()
    button.setText("Advanced")
    set_tip(button, "Settings that rarely need changing")
    button.setCheckable(True)
    button.setAutoRaise(True)
    button.setArrowType(Qt.ArrowType.RightArrow)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button


def _rows() -> QFormLayout:
    rows = QFormLayout()
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)  # beside a scroll bar a dock is narrow
    return rows


def _field(value: Any, kind: Any, setting: Setting) -> Field:
    unit = f" ({setting.unit})" if setting.unit else ""
    options: dict[str, Any] = {"tooltip": setting.help + unit}
    if get_origin(kind) is Literal:
        options["choices"] = get_args(kind)
        return create_widget(value=value, widget_type="ComboBox", options=options)  # type: ignore[return-value]
    if setting.choices:
        options["choices"] = tuple(dict.fromkeys((*setting.choices, *gpus(), value)))
        return create_widget(value=value, widget_type="ComboBox", options=options)  # type: ignore[return-value]
    if kind is bool:
        options["text"] = ""  # the row has its label
        return create_widget(value=value, annotation=bool, options=options)  # type: ignore[return-value]
    if kind is str:
        return _text_field(value, setting, options)
    field = NumberField(DecimalField() if kind is float else WholeField(), options["tooltip"])
    if isinstance(field.native, DecimalField):
        field.native.setDecimals(decimals(setting))
    if setting.low is not None and setting.high is not None:
        field.native.setRange(kind(setting.low), kind(setting.high))
        field.native.setSingleStep(kind(setting.step or 1))
    field.value = value
    return field


def _text_field(value: str, setting: Setting, options: dict[str, Any]) -> Field:
    field: Any = create_widget(value=value, annotation=str, options=options)
    field.native.setPlaceholderText(setting.expects)
    return field  # type: ignore[no-any-return]  # magicgui's


def decimals(setting: Setting) -> int:
    """Return how many digits behind the point show the smallest value and the step.

    A spin box has two by default, and makes 0.0 of a learning rate of 1e-3.
    """
    smallest = min((value for value in (setting.low, setting.step) if value), default=0.01)
    return max(2, math.ceil(-math.log10(abs(smallest))))


def _label(name: str, setting: Setting) -> QLabel:
    unit = f" ({setting.unit})" if setting.unit and setting.unit not in name else ""
    label = QLabel((setting.label or name.replace("_", " ")) + unit)
    set_tip(label, setting.help)
    return label


class _WheelNeedsFocus(QObject):
    """Lets the wheel scroll the dock instead of changing a field it happens to pass over."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  Qt's name
        if event is None or not isinstance(watched, QWidget) or event.type() != QEvent.Type.Wheel:
            return False
        if watched.hasFocus():
            return False
        event.ignore()
        return True
