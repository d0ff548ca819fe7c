from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal, get_args, get_origin

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import fields_of
from cryoden.settings.training import TrainingSettings
from napari_cryoden.widgets.settings_form import SettingsForm

KINDS = [TrainingSettings, DenoisingSettings]


def edges(kind: Any) -> Any:
    """The defaults, and every field at each of its limits or choices."""
    yield kind()
    for name, (plain, setting) in fields_of(kind).items():
        texts = (*setting.choices, "cuda:7") if setting.choices else ("all", "0,3-5")
        of_kind = {bool: (False, True), Literal: get_args(plain), str: texts}
        values = of_kind.get(get_origin(plain) or plain, (setting.low, setting.high))
        for value in values:
            yield replace(kind(), **{name: plain(value) if plain in {int, float} else value})


@pytest.fixture
def shown(qtbot: Any) -> Any:
    def show(settings: Any) -> Any:
        form = SettingsForm(settings)
        qtbot.addWidget(form)
        form.show()
        return form

    return show


@pytest.mark.parametrize("kind", KINDS)
def test_every_settings_class_survives_the_form_unchanged(shown: Any, kind: Any) -> None:
    form = shown(kind())
    for settings in edges(kind):
        form.set(settings)
        assert form.settings() == settings


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_starts_with_the_values_it_is_given(shown: Any, kind: Any) -> None:
    for settings in list(edges(kind))[1::5]:
        assert shown(settings).settings() == settings


@pytest.mark.parametrize("rate", [1e-7, 3e-6, 2.5e-5, 1e-3, 0.05])
def test_small_learning_rates_are_kept(shown: Any, rate: Any) -> None:
    assert shown(TrainingSettings(learning_rate=rate)).settings().learning_rate == rate


def test_every_field_says_what_it_is_for_with_its_unit(shown: Any) -> None:
    form = shown(TrainingSettings())
    assert set(form.fields) == {field.name for field in fields(TrainingSettings)}
    for name, (_, setting) in fields_of(TrainingSettings).items():
        assert setting.help in form.fields[name].tooltip
        assert setting.unit in form.fields[name].tooltip


def test_expert_fields_wait_behind_a_click(shown: Any) -> None:
    form = shown(TrainingSettings())
    assert form.fields["minutes"].native.isVisible()
    assert not form.fields["learning_rate"].native.isVisible()
    form.expert.click()
    assert form.fields["learning_rate"].native.isVisible()


def test_the_wheel_passes_over_a_field_without_changing_it(shown: Any) -> None:
    form = shown(TrainingSettings(minutes=5))
    box = form.fields["minutes"].native
    box.clearFocus()
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 120), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, wheel)
    assert form.settings().minutes == 5
