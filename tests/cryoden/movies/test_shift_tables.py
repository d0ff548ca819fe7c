from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import HalvesError
from cryoden.movies.shift_tables import read_shifts
from tests.cryoden.movies.movies import drift
from tests.cryoden.movies.test_shift_files import course


def test_shifts_are_read_back_in_angstrom(tmp_path: Path) -> None:
    path = tmp_path / "m_shifts.star"
    path.write_text(course().star())
    frames, right, down = read_shifts(path)
    assert frames == list(range(1, 13))
    assert np.allclose(np.stack([down, right], 1), 0.885 * drift(12), atol=1e-5)


@pytest.mark.parametrize("damage", ["data_general", "rlnMicrographShiftY", "rlnMicrographOriginalPixelSize"])
def test_a_list_without_numbers_of_shifts_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "m_shifts.star"
    path.write_text(course().star().replace(damage, "other"))
    if damage == "data_general":
        path.write_text(course().star().replace("0.885", "many"))
    with pytest.raises(HalvesError, match=r"D01.*no shifts of frames"):
        read_shifts(path)
