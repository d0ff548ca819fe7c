from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from cryoden.errors import Remark
from cryoden.io.star import having, read_tables, split_row
from cryoden.micrograph import Pixels
from cryoden.movies.frames import groups_of
from cryoden.movies.motion import Motion
from cryoden.movies.shift_files import Course, is_ours, star_word
from cryoden.settings.movies import MovieSettings
from tests.cryoden.movies.movies import drift

COLUMNS = ("rlnMicrographFrameNumber", "rlnMicrographShiftX", "rlnMicrographShiftY")


class Named:
    """A movie of which only facts are asked."""

    def __init__(self, path: Path, frames: int) -> None:
        self.path, self.frames, self.shape = path, frames, (64, 96)
        self.pixel_size: float | None = 0.885
        self.warnings: tuple[Remark, ...] = ()

    def frame(self, index: int) -> Pixels:
        raise AssertionError(index)


def course(name: str = "m.mrcs", frames: int = 12, size: int = 1) -> Course:
    groups = groups_of(frames, size)
    settings = MovieSettings(dose=1.25, group=size)
    return Course(Named(Path(name), frames), groups, Motion(drift(len(groups)), 4, settled=True), settings)


def general(path: Path) -> dict[str, str]:
    table = having(read_tables(path), ("rlnImageSizeX",))
    assert table is not None
    return dict(zip(table.labels, split_row(table.rows[0][1].replace("\n", " ")), strict=True))


def test_shifts_are_written_as_relion_has_them(tmp_path: Path) -> None:
    path = tmp_path / "m_shifts.star"
    path.write_text(course("my movies/a b.mrcs").star())
    table = having(read_tables(path), COLUMNS)
    assert table is not None
    rows = np.array(table.columns(COLUMNS), np.float64)
    assert rows[:, 0].tolist() == list(range(1, 13))
    assert np.allclose(rows[:, 2:0:-1], drift(12), atol=1e-6)  # Y is down
    facts = general(path)
    assert facts["rlnMicrographMovieName"] == "my movies/a b.mrcs"
    assert [facts[f"rlnImageSize{axis}"] for axis in "XYZ"] == ["96", "64", "12"]
    assert float(facts["rlnMicrographDoseRate"]) == 1.25
    assert float(facts["rlnMicrographOriginalPixelSize"]) == 0.885


def test_each_frame_of_a_group_has_its_shift(tmp_path: Path) -> None:
    path = tmp_path / "m_shifts.star"
    path.write_text(course(frames=13, size=3).star())
    table = having(read_tables(path), COLUMNS)
    assert table is not None
    assert len(table.columns(COLUMNS)) == 13
    assert len(set(table.columns(COLUMNS[1:]))) == 4


def test_of_single_electrons_a_frame_is_a_group(tmp_path: Path) -> None:
    path = tmp_path / "m_shifts.star"
    path.write_text(course("m.eer", frames=120, size=30).star())
    facts = general(path)
    assert (facts["rlnImageSizeZ"], facts["rlnEERGrouping"]) == ("4", "30")
    assert float(facts["rlnMicrographDoseRate"]) == 30 * 1.25


def test_the_picture_is_the_same_each_time_and_shows_both_directions(tmp_path: Path) -> None:
    for name in ("1.svg", "2.svg"):
        course("_a $b.mrcs").draw(tmp_path / name)
    text = (tmp_path / "1.svg").read_text()
    assert text == (tmp_path / "2.svg").read_text()
    words = {element.text for element in ET.fromstring(text).iter() if element.text}  # noqa: S314 - our own
    assert {"right (x)", "down (y)", "frame", "shift (Å)"} <= words
    assert any("_a $b" in word for word in words)
    assert len(text) < 60_000


def test_names_are_quoted_where_a_star_file_needs_it() -> None:
    for name in ("a b.mrc", "plain.mrc", "#x.mrc", "it's.mrc", 'say "hi" now.mrc'):
        assert split_row(f"1 {star_word(name)} 2") == ["1", name, "2"]


def test_only_files_of_this_program_are_taken_for_its_own(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours.star", tmp_path / "other.star"
    ours.write_text(course().star())
    other.write_text("# version 50001\n\ndata_general\n")
    assert is_ours(ours)
    assert not is_ours(other)
    assert not is_ours(tmp_path / "none.star")
