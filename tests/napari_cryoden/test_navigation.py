from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cryoden.settings.training import TrainingSettings
from napari_cryoden.navigation import show_dock


@pytest.fixture
def workbench(docked: Callable[..., Any]) -> Any:
    return docked("All steps")[1]


def test_what_one_step_hands_to_another_stays_in_the_one_dock(workbench: Any, viewer: Any) -> None:
    train = show_dock(viewer, "Train a denoiser")
    train.form.set(TrainingSettings(minutes=3))
    assert workbench.buttons["Train a denoiser"].isChecked()
    assert train.isVisible()
    assert not [name for name in viewer.window.dock_widgets if name.startswith("Train a denoiser")]


def test_without_it_a_step_is_a_dock_of_its_own(viewer: Any) -> None:
    assert show_dock(viewer, "Denoise").isVisible()
    assert [name for name in viewer.window.dock_widgets if name.startswith("Denoise")]
