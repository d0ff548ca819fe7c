from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.dataset.opening import open_halves
from cryoden.dataset.star_files import HALVES, MICROGRAPH, listed, micrographs_of, pixel_sizes
from cryoden.errors import CryodenError
from cryoden.io import mrc
from tests.cryoden.scenes import scene

FIELD = Path(__file__).parents[4] / "shared" / "data" / "field"
OPTICS = "data_optics\nloop_\n_rlnOpticsGroup\n_rlnVoltage\n_{label}\n1 300 2.0\n2 300 3.1\n\n"
TABLE = "data_micrographs\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\nM/a.mrc 1\nM/b.mrc 2\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder in which RELION ran, with two micrographs."""
    folder = tmp_path / "project"
    for name in ("a", "b", "a_EVN", "a_ODD"):
        (folder / "M").mkdir(parents=True, exist_ok=True)
        (folder / "M" / f"{name}.mrc").touch()
    return folder


def written(star: Path, text: str) -> Path:
    star.parent.mkdir(parents=True, exist_ok=True)
    star.write_text(text)
    return star


class TestProject:
    def test_names_start_from_a_folder_above_the_star_file(self, project: Path) -> None:
        star = written(project / "CtfFind" / "job003" / "m.star", TABLE)
        assert micrographs_of(star) == [project / "M" / "a.mrc", project / "M" / "b.mrc"]

    @pytest.mark.parametrize("inside", ["", "CtfFind/job003"])
    def test_a_list_outside_the_project_is_read_from_inside(
        self, project: Path, inside: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / inside).mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(project / inside)
        star = written(project.parent / "lists" / "m.star", TABLE)
        assert micrographs_of(star) == [project / "M" / "a.mrc", project / "M" / "b.mrc"]

    def test_a_link_to_a_list_leads_to_the_project_it_points_into(self, project: Path) -> None:
        star = written(project / "Select" / "job004" / "m.star", TABLE)
        link = project.parent / "elsewhere.star"
        link.symlink_to(star)
        assert micrographs_of(link) == [project / "M" / "a.mrc", project / "M" / "b.mrc"]

    def test_a_link_inside_the_project_to_a_list_outside_belongs_to_the_project(self, project: Path) -> None:
        link = project / "m.star"
        link.symlink_to(written(project.parent / "lists" / "m.star", TABLE))
        assert micrographs_of(link) == [project / "M" / "a.mrc", project / "M" / "b.mrc"]

    def test_where_nothing_is_found_is_said_once(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project.parent / "here").mkdir()
        monkeypatch.chdir(project.parent / "here")
        star = written(project.parent / "lists" / "m.star", TABLE)
        with pytest.raises(CryodenError) as raised:
            micrographs_of(star)
        assert raised.value.code == "D02"
        assert "none of its 2 files is there, such as M/a.mrc" in str(raised.value)
        assert all(str(project.parent / folder) in str(raised.value) for folder in ("lists", "here"))


class TestNames:
    def test_the_format_behind_a_name_is_no_part_of_it(self, project: Path) -> None:
        star = written(project / "m.star", "data_\n_rlnMicrographName M/a.mrc:mrc\n")
        assert micrographs_of(star) == [project / "M" / "a.mrc"]

    def test_a_section_of_a_stack_is_refused_in_words(self, project: Path) -> None:
        star = written(project / "m.star", "data_\n_rlnMicrographName 000001@M/a.mrcs\n")
        with pytest.raises(CryodenError, match=r"D01 .* 000001@M/a\.mrcs is a section of a stack"):
            micrographs_of(star)

    def test_the_star_files_of_tilt_series_are_followed(self, project: Path) -> None:
        inner = "data_TS_{0}\nloop_\n_rlnMicrographNameOdd\n_rlnMicrographNameEven\nM/a_ODD.mrc M/a_EVN.mrc\n"
        outer = "data_global\nloop_\n_rlnTomoTiltSeriesStarFile\n_rlnTomoTiltSeriesPixelSize\n"
        for series in ("1", "2"):
            written(project / "Job" / "tilt_series" / f"{series}.star", inner.format(series))
        rows = "".join(f"Job/tilt_series/{series}.star 1.35\n" for series in ("1", "2"))
        found = listed(written(project / "Job" / "corrected.star", outer + rows), HALVES)
        assert [row.files for row in found] == [(project / "M/a_EVN.mrc", project / "M/a_ODD.mrc")] * 2
        assert [row.pixel_size for row in found] == [1.35, 1.35]


class TestPixelSize:
    @pytest.mark.parametrize(
        "label", ["rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize", "rlnImagePixelSize"]
    )
    def test_it_is_that_of_the_optics_group(self, project: Path, label: str) -> None:
        star = written(project / "m.star", OPTICS.format(label=label) + TABLE)
        assert pixel_sizes([star]) == {project / "M" / "a.mrc": 2.0, project / "M" / "b.mrc": 3.1}

    def test_the_micrographs_own_comes_before_that_of_the_movie(self, project: Path) -> None:
        optics = (
            "data_optics\n_rlnMicrographOriginalPixelSize 1\n_rlnMicrographPixelSize 2\n_rlnOpticsGroup 1\n"
        )
        star = written(project / "m.star", optics + TABLE)
        assert pixel_sizes([star]) == {project / "M" / "a.mrc": 2.0}

    def test_one_optics_group_is_that_of_rows_without_a_number(self, project: Path) -> None:
        optics = "data_optics\n_rlnOpticsGroup 1\n_rlnMicrographPixelSize 2\n"
        star = written(project / "m.star", f"{optics}data_\n_rlnMicrographName M/a.mrc\n")
        assert pixel_sizes([star]) == {project / "M" / "a.mrc": 2.0}

    def test_it_may_stand_in_the_row_or_follow_from_camera_and_magnification(self, project: Path) -> None:
        for values in ("_rlnMicrographPixelSize 2.5", "_rlnDetectorPixelSize 5\n_rlnMagnification 20000"):
            star = written(project / "m.star", f"data_\n_rlnMicrographName M/a.mrc\n{values}\n")
            assert pixel_sizes([star]) == {project / "M" / "a.mrc": 2.5}

    @pytest.mark.parametrize("size", ["0", "-1", "nan", "inf", "none"])
    def test_a_size_that_is_none_is_not_known(self, project: Path, size: str) -> None:
        star = written(project / "m.star", f"data_\n_rlnMicrographName M/a.mrc\n_rlnImagePixelSize {size}\n")
        assert pixel_sizes([star]) == {}


@pytest.mark.skipif(not FIELD.is_dir(), reason="no STAR files of other programs beside the repository")
@pytest.mark.parametrize(
    ("star", "names", "rows", "size"),
    [
        ("relion31/micrographs_ctf.star", MICROGRAPH, 24, 0.885),
        ("relion5_project/MotionCorr/job002/corrected_micrographs.star", MICROGRAPH, 24, 0.885),
        ("relion5_tomo/MotionCorr/job002/tilt_series/TS_01.star", HALVES, 41, None),
    ],
)
def test_files_of_relion_are_read_as_they_are(
    tmp_path: Path, star: str, names: tuple[str, ...], rows: int, size: float | None
) -> None:
    copy = written(tmp_path / "some.star", (FIELD / star).read_text())
    with pytest.raises(CryodenError, match=f"D02 .* none of its {rows * len(names)} files"):
        listed(copy, names)
    first = next(word for word in copy.read_text().split() if word.endswith(("frameImage.mrc", "_EVN.mrc")))
    (tmp_path / first).parent.mkdir(parents=True)
    (tmp_path / first).touch()
    found = listed(copy, names)
    assert (len(found), {row.pixel_size for row in found}) == (rows, {size})


def test_open_halves_take_the_pixel_size_their_headers_lack(project: Path) -> None:
    known = scene(1)
    for name, half in (("a_EVN", known.even), ("a_ODD", known.odd)):
        mrc.write(project / "M" / f"{name}.mrc", half.data, pixel_size=None, label="made for a test")
    columns = "data_\n_rlnMicrographNameEven M/a_EVN.mrc\n_rlnMicrographNameOdd M/a_ODD.mrc\n"
    star = written(project / "h.star", f"{columns}_rlnMicrographPixelSize 1.9\n")
    (pair,) = open_halves([star])
    assert (pair.even.pixel_size, pair.odd.pixel_size) == (1.9, 1.9)
