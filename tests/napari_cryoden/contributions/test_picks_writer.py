from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.errors import OutputError
from cryoden.picking.star_picks import read_star
from napari_cryoden.layers.picks_layer import add_picks
from tests.cryoden.picking.test_known_particles import coordinates
from tests.napari_cryoden.picked import DIAMETER, PICKS, PLACES, raw_and_denoised


def test_the_save_dialog_of_napari_writes_what_is_seen(viewer: Any, tmp_path: Path) -> None:
    raw, _ = raw_and_denoised(viewer)
    layer = add_picks(viewer, raw, PICKS, DIAMETER)
    layer.shown = PICKS.merits > 3
    layer.save(str(tmp_path / "p.star"), plugin="napari-cryoden")
    (found,) = read_star(tmp_path / "p.star")
    np.testing.assert_allclose(found.centers, PLACES[PICKS.merits > 3], atol=1e-6)
    assert found.pixel_size == 2.0


def test_the_file_they_come_from_is_never_written_over(viewer: Any, tmp_path: Path) -> None:
    raw, _ = raw_and_denoised(viewer)
    path = coordinates(tmp_path / "m.star")
    before = path.read_text()
    layer = add_picks(viewer, raw, read_star(path)[0], DIAMETER)
    layer.selected_data = {0}
    layer.remove_selected()
    with pytest.raises(OutputError, match="O04"):
        layer.save(str(path), plugin="napari-cryoden")
    assert path.read_text() == before
    layer.save(str(tmp_path / "other.star"), plugin="napari-cryoden")
    assert len(read_star(tmp_path / "other.star")[0]) == len(PLACES) - 1
