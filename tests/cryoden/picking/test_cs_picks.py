from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cryosparc.dataset import Dataset

from cryoden.picking.cs_picks import read_cs
from cryoden.picking.picks import PicksError

ROW, COLUMN, SHAPE = 300, 50, (400, 600)


def dataset(rows: int = 2, **more: object) -> Dataset:
    """Return particles as cryoSPARC lists them: the place as parts of width and height."""
    made = Dataset.allocate(
        rows,
        [
            ("location/micrograph_path", "O"), ("location/micrograph_shape", "<u4", (2,)),
            ("location/center_x_frac", "f4"), ("location/center_y_frac", "f4"),
            ("location/micrograph_psize_A", "f4"), ("pick_stats/ncc_score", "f4"),
        ],
    )  # fmt: skip
    made["location/micrograph_path"] = ">J1/imported/000090334788266266069_m.mrc"
    made["location/micrograph_shape"] = SHAPE
    made["location/center_x_frac"], made["location/center_y_frac"] = COLUMN / SHAPE[1], ROW / SHAPE[0]
    made["location/micrograph_psize_A"], made["pick_stats/ncc_score"] = 1.5, [0.25, 0.5][:rows]
    for name, values in more.items():
        made[name.replace("__", "/")] = values
    return made


def test_parts_of_width_and_height_are_pixels_of_the_micrograph(tmp_path: Path) -> None:
    dataset().save(tmp_path / "p.cs")
    (one,) = read_cs(tmp_path / "p.cs")
    np.testing.assert_allclose(one.centers, [[ROW, COLUMN]] * 2, rtol=1e-6)
    assert one.micrograph == "J1/imported/000090334788266266069_m.mrc"
    assert (one.shape, one.pixel_size, one.merits.tolist()) == (SHAPE, 1.5, [0.25, 0.5])


def test_what_the_job_passed_through_says_the_places(tmp_path: Path) -> None:
    passed = dataset()
    passed.save(tmp_path / "J3_passthrough_particles.cs")
    own = Dataset({"uid": passed["uid"], "ctf/df1_A": np.zeros(2, "f4")})
    own.save(tmp_path / "J3_particles.cs")
    assert len(read_cs(tmp_path / "J3_particles.cs")[0]) == 2


def test_particles_without_places_are_refused_with_what_is_there(tmp_path: Path) -> None:
    Dataset({"uid": np.arange(2, dtype="u8"), "ctf/df1_A": np.zeros(2, "f4")}).save(tmp_path / "p.cs")
    with pytest.raises(PicksError, match=r"K01 .*slots found: ctf"):
        read_cs(tmp_path / "p.cs")


def test_a_place_that_is_no_number_is_refused(tmp_path: Path) -> None:
    dataset(location__center_x_frac=np.array([0.5, np.nan], "f4")).save(tmp_path / "p.cs")
    with pytest.raises(PicksError, match="K02"):
        read_cs(tmp_path / "p.cs")


def test_an_empty_set_has_no_picks(tmp_path: Path) -> None:
    dataset(0).save(tmp_path / "p.cs")
    assert read_cs(tmp_path / "p.cs") == []
