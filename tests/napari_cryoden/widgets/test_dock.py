from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QLabel, QScrollArea

from napari_cryoden.plots.evaluation_dock import EvaluationDock, show_evaluation
from napari_cryoden.plots.loss_dock import show_plot
from napari_cryoden.plots.runs_dock import show_runs
from napari_cryoden.plots.spectra_dock import SpectraDock, show_spectra
from napari_cryoden.widgets.dock import status_label
from napari_cryoden.widgets.settings_form import SettingsForm
from napari_cryoden.widgets.training_data import TrainingData
from tests.napari_cryoden.checking import checked


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_the_docks_fit_a_small_screen(docked: Any) -> None:
    for name in ("Train a denoiser", "Denoise"):
        widget = docked(name)[1]
        assert widget.sizeHint().width() <= 320
        assert widget.minimumSizeHint().height() <= 400


def test_no_label_is_wider_than_its_dock(qtbot: Any, train: Any, add_halves: Any) -> None:
    add_halves()
    checked(qtbot, train)
    for label in filter(QLabel.isVisible, train.findChildren(QLabel)):
        right = label.mapTo(train, label.rect().bottomRight()).x()
        assert right <= train.width()
        assert label.wordWrap() or label.width() >= label.sizeHint().width()


@pytest.mark.parametrize("name", ["Open micrographs", "Train a denoiser", "Denoise", "Evaluate", "Batch"])
def test_advanced_settings_leave_room_for_a_scroll_bar(docked: Any, name: str) -> None:
    widget = docked(name)[1]
    for form in widget.findChildren(SettingsForm):
        form.expert.setChecked(True)
    QApplication.processEvents()  # only what was shown has its style's width
    area = widget.findChild(QScrollArea)
    beside = widget.width() - area.verticalScrollBar().sizeHint().width()
    assert area.widget().minimumSizeHint().width() <= beside


SHOWN_BELOW = (show_plot, show_spectra, show_runs, show_evaluation)


def docked_below(viewer: Any) -> list[Any]:
    main = viewer.window._qt_window
    area = main.dockWidgetArea(viewer.window._qt_viewer.dockConsole)
    found = [dock for dock in main.findChildren(QDockWidget) if main.dockWidgetArea(dock) == area]
    return [dock for dock in found if dock is not viewer.window._qt_viewer.dockConsole]


def test_docks_below_the_canvas_are_tabs_of_one_another(qtbot: Any, viewer: Any) -> None:
    for show in SHOWN_BELOW:
        show(viewer)
    first, *others = docked_below(viewer)
    tabs = viewer.window._qt_window.tabifiedDockWidgets(first)
    assert set(tabs) == set(others)
    qtbot.waitUntil(lambda: others[-1].widget().width() > 700)


def test_the_dock_that_is_asked_for_comes_to_the_front(qtbot: Any, viewer: Any) -> None:
    docks = [show(viewer) for show in SHOWN_BELOW]
    for show, dock in zip(SHOWN_BELOW, docks, strict=True):
        assert show(viewer) is dock
        qtbot.waitUntil(lambda dock=dock: not dock.visibleRegion().isEmpty())


def test_a_dock_that_was_hidden_by_the_window_menu_is_shown_again(qtbot: Any, viewer: Any) -> None:
    shown: Any = show_evaluation(viewer)
    qtbot.waitUntil(shown.isVisible)
    shown.parent().toggleViewAction().trigger()
    assert not shown.isVisible()
    show_evaluation(viewer)
    qtbot.waitUntil(shown.isVisible)


def test_a_dock_that_floats_stays_where_the_user_has_put_it(viewer: Any) -> None:
    show_spectra(viewer)
    (floating,) = docked_below(viewer)
    floating.setFloating(True)
    show_runs(viewer)
    assert floating.isFloating()
    assert viewer.window._qt_window.tabifiedDockWidgets(floating) == []


def test_a_name_with_marks_of_html_is_shown_as_it_is(viewer: Any, qtbot: Any) -> None:
    data, evaluation, spectra = TrainingData(viewer), EvaluationDock(viewer), SpectraDock(viewer)
    for widget in (data, evaluation, spectra):
        qtbot.addWidget(widget)
    for label in (status_label(), data.note, evaluation.words, spectra.words):
        label.setText("<b>bold</b>.mrc")
        assert label.textFormat() == Qt.TextFormat.PlainText
