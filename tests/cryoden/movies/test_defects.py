from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.movies.defects import Repair, hot_pixels, read_defects
from tests.cryoden.movies.movies import write_mrc


def test_bad_columns_and_pixels_give_way_to_good_ones_of_the_same_frame() -> None:
    frame = np.random.default_rng(0).poisson(5, (64, 64)).astype(np.float32)
    bad = np.zeros(frame.shape, bool)
    bad[:, 20:22] = bad[40, 40] = True
    broken = np.where(bad, 1e6, frame).astype(np.float32)
    Repair(bad).mend(broken)
    assert np.array_equal(broken[~bad], frame[~bad])
    assert np.array_equal(broken[:, 20], frame[:, 19])
    assert np.array_equal(broken[:, 21], frame[:, 22])
    assert broken.max() <= frame.max()


def test_what_stands_there_varies_as_much_as_elsewhere() -> None:
    frames = np.random.default_rng(0).poisson(5, (200, 16, 16)).astype(np.float32)
    bad = np.zeros((16, 16), bool)
    bad[8, 8] = True
    repair = Repair(bad)
    for frame in frames:
        repair.mend(frame)
    assert frames[:, 8, 8].var() == pytest.approx(5, rel=0.4)


def test_hot_and_dead_pixels_are_found_and_nothing_else() -> None:
    total = np.random.default_rng(0).poisson(60, (256, 256)).astype(np.float32)
    total[7, 9], total[100, 3] = 400, 0
    assert np.argwhere(hot_pixels(total, 6)).tolist() == [[7, 9], [100, 3]]
    assert not hot_pixels(total, 0).any()


def test_a_hot_pixel_is_found_where_most_pixels_are_empty() -> None:
    total = np.zeros((64, 64), np.float32)
    total[::9, ::9], total[5, 5] = 1, 500
    assert hot_pixels(total, 6)[5, 5]


def test_defects_are_read_from_an_image_or_from_rectangles(tmp_path: Path) -> None:
    expected = np.zeros((20, 30), bool)
    expected[4:6, 10:13] = expected[:, 25] = True
    text = tmp_path / "defects.txt"
    text.write_text("10 4 3 2\n\n25 0 1 20  # a column\n")
    assert np.array_equal(read_defects(text, (20, 30)), expected)
    image = write_mrc(tmp_path / "map.mrc", expected.astype(np.float32))
    assert np.array_equal(read_defects(image, (20, 30)), expected)


def test_what_is_neither_is_refused_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "defects.txt"
    text.write_text("10 4 3\n")
    with pytest.raises(MicrographError, match=r"F55 .*line 1 is no rectangle"):
        read_defects(text, (20, 30))
    with pytest.raises(MicrographError, match=r"F55 .*cannot be read"):
        read_defects(tmp_path / "none.txt", (20, 30))
    with pytest.raises(MicrographError, match=r"F55 .*the frames are"):
        read_defects(write_mrc(tmp_path / "map.mrc", np.eye(4)), (20, 30))


@pytest.mark.parametrize("strip", [0, 10, 14])
def test_a_grid_bar_and_the_edge_of_an_aperture_are_no_defects(strip: int) -> None:
    rng = np.random.default_rng(0)
    total = rng.poisson(60, (256, 256)).astype(np.float32)
    total[:, :24] = rng.poisson(strip, (256, 24))
    total[-10:, 100:] = rng.poisson(strip, (10, 156))
    total[7, 60], total[100, 10], total[:, 200] = 400, 300, 0
    bad = np.zeros(total.shape, bool)
    bad[7, 60] = bad[100, 10] = True
    bad[:-10, 200] = True  # a dead column, as far as it is darker than what lies around it
    wrong = bad != hot_pixels(total, 6)
    assert np.count_nonzero(wrong) <= 30  # at corners
    assert not wrong[:230, :].any()


def test_two_hot_columns_are_defects() -> None:
    total = np.random.default_rng(0).poisson(60, (256, 256)).astype(np.float32)
    total[:, 100:102] = 200
    bad = hot_pixels(total, 6)
    assert bad[:, 100:102].all()
    assert np.count_nonzero(bad) == 2 * 256
