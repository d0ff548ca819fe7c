from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.movies.defects import Repair
from cryoden.movies.frames import EER_GROUPS, GroupedFrames, group_size, groups_of
from cryoden.movies.readers import open_movie
from tests.cryoden.movies.movies import movie_frames, write_mrc


@pytest.mark.parametrize(("frames", "size"), [(40, 1), (41, 2), (1000, 30), (7, 3), (5, 5), (2, 10)])
def test_groups_share_out_all_frames_and_differ_by_one_at_most(frames: int, size: int) -> None:
    groups = groups_of(frames, size)
    assert [group.first for group in groups] == [0, *(group.end for group in groups[:-1])]
    assert groups[-1].end == frames
    sizes = [group.end - group.first for group in groups]
    assert len(groups) >= 2
    assert max(sizes) - min(sizes) <= 1


def test_a_group_is_the_sum_of_its_frames_times_the_gain_with_its_defects_repaired(tmp_path: Path) -> None:
    frames = movie_frames(4, 64)
    gain = np.random.default_rng(0).uniform(0.9, 1.1, (64, 64)).astype(np.float32)
    bad = np.zeros((64, 64), bool)
    bad[5, 7] = True
    with open_movie(write_mrc(tmp_path / "m.mrcs", frames)) as movie:
        made = GroupedFrames(movie, groups_of(4, 2), gain)
        made.repair = Repair(bad)
        first, second = made
    expected = frames[2:].sum(0, dtype=np.float64) * gain
    assert np.allclose(second[~bad], expected[~bad])
    assert second[5, 7] in {second[5, 6], second[5, 8], second[4, 7], second[6, 7]}
    assert first[0, 0] == pytest.approx(float(frames[0, 0, 0] + frames[1, 0, 0]) * gain[0, 0])


def test_frames_of_single_electrons_are_grouped_without_being_asked(tmp_path: Path) -> None:
    class Many:
        path, frames, shape, pixel_size, warnings = tmp_path / "m.eer", 1200, (8, 8), 1.0, ()

        def frame(self, index: int) -> np.ndarray:
            return np.full(self.shape, index, np.float32)

    assert group_size(Many(), 0) == 1200 // EER_GROUPS
    assert group_size(Many(), 7) == 7
