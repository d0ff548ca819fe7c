from __future__ import annotations

from typing import Any

import pytest

from cryoden.events.history import History
from cryoden.events.quality import TrainingStatus
from napari_cryoden.widgets.verdict_label import VerdictLabel
from tests.napari_cryoden import runs
from tests.napari_cryoden.plots.drawing import luminance


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_the_dock_says_how_the_run_stands_in_the_colors_of_the_theme(
    qtbot: Any, train: Any, viewer: Any
) -> None:
    assert train.verdict.text() == ""
    train.run.begin(runs.events, "starting")
    train.run.history = History()
    qtbot.waitUntil(lambda: not train.run.running)
    dark = train.verdict.text()
    assert dark.endswith("Better than a Wiener filter for 4 epochs: good to use")
    viewer.theme = "light"
    assert train.verdict.text().endswith("Better than a Wiener filter for 4 epochs: good to use")
    assert train.verdict.text() != dark


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("level", ["good", "wait", "bad"])
def test_the_mark_of_a_verdict_stands_out_from_the_background(qtbot: Any, level: Any, dark: Any) -> None:
    label = VerdictLabel()
    qtbot.addWidget(label)
    label.show_verdict(TrainingStatus(level, "a < b & c"))
    label.set_theme(dark)
    assert "a &lt; b &amp; c" in label.text()
    behind, mark = luminance("#262930" if dark else "#efebe9"), luminance(label.text().split()[2][:7])
    assert (max(behind, mark) + 0.05) / (min(behind, mark) + 0.05) > 3
