from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.jobs.opening import OpeningJob
from napari_cryoden.layers.contrast import robust
from napari_cryoden.layers.half_pairs import pairs_of
from tests.napari_cryoden.listing import look, opened, select


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


def test_halves_open_side_by_side_in_a_thread(
    qtbot: Any, dock: Any, write_pair: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_pair("m1", 1)
    write_pair("m2", 2)
    write_mrc("lone.mrc", noise, pixel_size=0.75)
    look(qtbot, dock, tmp_path)
    select(dock, 2, 0)  # they open in the order of the list all the same
    assert dock.open_button.text() == "Open 3 (1 MB)"
    dock.open_button.click()
    assert len(dock.viewer.layers) == 0
    assert not dock.open_button.isEnabled()
    assert "being opened" in dock.open_button.toolTip()
    qtbot.waitUntil(lambda: not dock.opening.running)
    assert [layer.name for layer in dock.viewer.layers] == ["m1_EVN", "m1_ODD", "lone"]
    lone = dock.viewer.layers["lone"]
    np.testing.assert_array_equal(lone.data, noise)
    np.testing.assert_allclose(lone.contrast_limits, robust(noise))
    assert tuple(lone.scale) == (0.75, 0.75)
    assert lone.metadata["cryoden"]["source"] == str(tmp_path / "lone.mrc")
    assert dock.status.text() == "3 opened"


def test_a_file_that_cannot_be_opened_is_told_and_the_others_open(
    qtbot: Any, dock: Any, write_mrc: Any, notices: Any, remarks: Any
) -> None:
    black = write_mrc("black.mrc", np.zeros((9, 9), np.float32))
    look(qtbot, dock, black, write_mrc("good.mrc", np.eye(9, dtype=np.float32), pixel_size=None))
    assert opened(qtbot, dock) == ["good"]
    assert [line[:3] for line in notices] == ["F25"]
    assert [line.split(" — ")[1][:3] for line in remarks] == ["F28"]
    assert dock.status.text() == "1 opened, 1 failed"


def test_opening_can_be_canceled(qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path) -> None:
    for number in range(20):
        write_mrc(f"m{number}.mrc", noise)
    look(qtbot, dock, tmp_path)
    dock.all_button.click()
    dock.viewer.layers.events.inserted.connect(lambda _: dock.cancel_button.click())
    assert len(opened(qtbot, dock)) < 20
    assert dock.status.text().startswith("Canceled. ")


def test_one_layer_at_a_time_waits_for_the_window(qtbot: Any, viewer: Any) -> None:
    ahead: list[int] = []

    def work() -> Any:
        for number in range(3):
            ahead.append(number - len(shown))
            yield number

    class Shown(OpeningJob):
        def fold(self, event: Any) -> None:
            shown.append(event)

    shown: list[int] = []
    job = Shown(viewer)
    with qtbot.waitSignal(job.ended):
        job.begin(work, "opening")
    assert shown == [0, 1, 2]
    assert max(ahead) <= 1


def test_at_the_end_of_the_window_nothing_more_is_added(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for number in range(20):
        write_mrc(f"m{number}.mrc", noise)
    look(qtbot, dock, tmp_path)
    dock.all_button.click()
    ended: list[bool] = []
    dock.viewer.layers.events.inserted.connect(lambda _: ended.append(dock.opening.end()))
    dock.open_button.click()
    qtbot.waitUntil(lambda: not dock.opening.running)
    assert ended == [True]
    assert len(dock.viewer.layers) == 1


def test_halves_opened_beside_a_comparison_do_not_lie_over_it_and_the_status_says_so(
    qtbot: Any, dock: Any, write_pair: Any, noise: Any, tmp_path: Path
) -> None:
    viewer = dock.viewer
    both = [viewer.add_image(noise, name=name) for name in ("raw", "denoised")]
    comparison = DenoisingJob.of(viewer).comparison
    comparison.show(*both)
    write_pair("m1", 1)
    look(qtbot, dock, tmp_path)
    opened(qtbot, dock)
    assert [layer.name for layer in viewer.layers if layer.visible] == ["raw", "denoised"]
    assert dock.status.text().startswith("2 opened; 2 hidden until the comparison ends")
    comparison.leave()
    assert all(layer.visible for layer in viewer.layers)
    assert opened(qtbot, dock)
    assert dock.status.text() == "2 opened"


def test_the_sample_button_opens_what_the_sample_menu_opens(qtbot: Any, dock: Any) -> None:
    with qtbot.waitSignal(dock.opening.ended):
        dock.sample_button.click()
    names = [layer.name for layer in dock.viewer.layers]
    assert names == ["sample1_EVN", "sample1_ODD", "sample2_EVN", "sample2_ODD"]


def test_pressed_again_the_button_opens_what_was_closed_and_no_second_copy(qtbot: Any, dock: Any) -> None:
    layers = dock.viewer.layers
    for status in ("4 opened", "Open already", "1 opened"):
        with qtbot.waitSignal(dock.opening.ended):
            dock.sample_button.click()
        assert dock.status.text() == status
        assert len(layers) == len(pairs_of(layers)) * 2 == 4
        if status == "Open already":
            layers.remove("sample1_ODD")
