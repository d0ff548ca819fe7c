from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.dataset.opening import read_micrograph
from cryoden.errors import MicrographError
from cryoden.formats import micrographs
from tests.cryoden.hostile import header, made, pixels


def stack(path: Path, count: int, side: int, grid: int = 1) -> Path:
    words: dict[int, int | float] = {1: side, 2: side, 3: count, 8: side, 9: side, 10: grid, 23: 0}
    words |= {11: 2.0 * side, 12: 2.0 * side}
    return made(path, header(words=words), pixels(count=count * side * side))


def test_images_of_particles_are_called_so_and_refused_in_any_case(tmp_path: Path) -> None:
    path = stack(tmp_path / "particles.mrcs", 20, 64)
    with pytest.raises(MicrographError, match=r"F32 .* 20 images of 64 × 64: a stack of particles"):
        micrographs.read(path)
    with pytest.raises(MicrographError, match="of particles"):
        micrographs.open_micrograph(path, section=3)


def test_large_images_are_a_stack_of_which_each_can_be_read(tmp_path: Path) -> None:
    path = stack(tmp_path / "big.mrc", 3, 300)
    with pytest.raises(MicrographError, match=r"3 images of 300 × 300: a stack, not a micrograph.*--stack"):
        micrographs.read(path)
    whole = np.frombuffer(path.read_bytes()[1024:], "<f4").reshape(3, 300, 300)
    for number in range(3):
        np.testing.assert_array_equal(read_micrograph(path, section=number).data, whole[number])


def test_a_volume_is_refused_unless_one_of_its_planes_is_asked_for(tmp_path: Path) -> None:
    path = stack(tmp_path / "tilts.mrc", 4, 300, grid=4)
    with pytest.raises(MicrographError, match=r"F32 .* 4 sections: this is a volume.*--planes all"):
        micrographs.open_micrograph(path)
    whole = np.frombuffer(path.read_bytes()[1024:], "<f4").reshape(4, 300, 300)
    np.testing.assert_array_equal(read_micrograph(path, section=2).data, whole[2])
