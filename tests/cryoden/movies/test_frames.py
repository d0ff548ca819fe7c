from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import Remark
from cryoden.micrograph import Pixels
from cryoden.movies.defects import Repair
from cryoden.movies.frames import EER_GROUPS, GroupedFrames, group_size, groups_of
from cryoden.movies.readers import open_movie
from tests.cryoden.movies.movies import movie_frames, write_mrc


class Made:
    """A movie whose frames hold their own number; it counts those in memory."""

    def __init__(self, path: Path, frames: int) -> None:
        self.path, self.frames, self.shape = path, frames, (8, 8)
        self.pixel_size: float | None = 1.0
        self.warnings: tuple[Remark, ...] = ()
        self.most_alive = 0
        self._given: list[weakref.ref[Pixels]] = []

    def frame(self, index: int) -> Pixels:
        found = np.full(self.shape, index, np.float32)
        self._given = [one for one in self._given if one() is not None]
        self._given.append(weakref.ref(found))
        self.most_alive = max(self.most_alive, len(self._given))
        return found


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
    movie = Made(tmp_path / "m.eer", 1200)
    assert group_size(movie, 0) == 1200 // EER_GROUPS
    assert group_size(movie, 7) == 7


def test_no_more_frames_are_in_memory_than_are_added_up(tmp_path: Path) -> None:
    movie = Made(tmp_path / "m.mrcs", 30)
    total = np.zeros(movie.shape, np.float32)
    for pixels in GroupedFrames(movie, groups_of(30, 5)):
        total += pixels
    assert total[0, 0] == sum(range(30))
    assert movie.most_alive <= 3
