from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.errors import CryodenError
from cryoden.settings.picking import PickingSettings
from napari_cryoden.jobs.picking import PickingJob
from napari_cryoden.layers.picks_layer import add_picks, picks_of
from napari_cryoden.threads.job import OUTDATED
from tests.cryoden.picking.planted import distances
from tests.napari_cryoden.picked import DIAMETER, PICKS, PLACES, circles, raw_and_denoised

SETTINGS = PickingSettings(diameter=DIAMETER)


def run(qtbot: Any, job: PickingJob, *asked: Any) -> str:
    with qtbot.waitSignal(job.ended) as ended:
        job.pick(*asked)
    return str(ended.args[0])


@pytest.mark.parametrize("which", [0, 1])
def test_raw_and_denoised_layers_are_picked(qtbot: Any, viewer: Any, which: int) -> None:
    job, image = PickingJob.of(viewer), raw_and_denoised(viewer)[which]
    said = run(qtbot, job, image, SETTINGS)
    assert f"{len(PLACES)} picks" in said
    assert "random phases" in said
    found = picks_of(job.added, image)
    assert distances(found.centers, PLACES).max() < 3
    assert found.micrograph == "m", "the raw one, also of what was made of it"
    assert {size for *_, size in circles(job.added)} == {DIAMETER}


def test_what_is_found_is_compared_with_known_picks(qtbot: Any, viewer: Any) -> None:
    job, (raw, _) = PickingJob.of(viewer), raw_and_denoised(viewer)
    known = add_picks(viewer, raw, PICKS, DIAMETER, "known")
    assert "average precision 1.000, recall 1.000" in run(qtbot, job, raw, SETTINGS, None, known)


def test_what_cannot_be_picked_is_said_in_one_line(
    qtbot: Any, viewer: Any, tmp_path: Path, notices: list[str]
) -> None:
    job, (raw, _) = PickingJob.of(viewer), raw_and_denoised(viewer)
    assert "K04" in run(qtbot, job, raw, PickingSettings())
    assert "F" in run(qtbot, job, raw, SETTINGS, tmp_path / "none.mrcs")
    assert len(notices) == 2
    points = viewer.add_points(np.zeros((1, 2)))
    with pytest.raises((CryodenError, AttributeError)):
        job.pick(points, SETTINGS)


def test_picks_are_not_added_to_a_layer_that_shows_another_micrograph_by_now(qtbot: Any, viewer: Any) -> None:
    job, (raw, denoised) = PickingJob.of(viewer), raw_and_denoised(viewer)
    with qtbot.waitSignal(job.ended) as ended:
        job.pick(raw, SETTINGS)
        raw.data = raw.data[::-1].copy()
    assert ended.args[0] == OUTDATED
    assert list(viewer.layers) == [raw, denoised]
    assert job.added is None
    run(qtbot, job, raw, SETTINGS)
    assert job.added in viewer.layers
