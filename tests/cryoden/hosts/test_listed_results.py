"""STAR files of results: all that the inputs' say, and where the results lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.dataset.star_files import micrographs_of
from cryoden.errors import OutputError
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed, FileFinished, FileSkipped
from cryoden.formats import micrographs
from cryoden.hosts.listed_results import DENOISED, RAW, lists_of, with_lists
from cryoden.io import mrc
from cryoden.io.star import having, read_tables
from tests.cryoden.dataset.cryosparc import write_project
from tests.cryoden.scenes import scene

HEAD = "data_optics\nloop_\n_rlnOpticsGroup\n_rlnVoltage\n1 300\n2 200\n\ndata_micrographs\nloop_\n"
ROWS = "_rlnMicrographName\n_rlnOpticsGroup\n'M/x/a 1.mrc' 2\nM/y/a.v2.mrc 1\nM/y/b.mrc 1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("x/a 1", "y/a.v2", "y/b"):
        (tmp_path / "M" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "M" / f"{name}.mrc").touch()
    (tmp_path / "m.star").write_text(HEAD + ROWS)
    return tmp_path


def events_of(project: Path, output: Path) -> list[BatchEvent]:
    """One micrograph done, one done before, and one that failed."""
    first, second, third = micrographs_of(project / "m.star")
    return [
        FileFinished(first, output / "x" / "a 1_denoised.mrc", 1.0, ()),
        FileSkipped(second, output / "y" / "a.v2_denoised.mrc"),
        FileFailed(third, "F01  b.mrc", "F01", "is damaged"),
        BatchFinished(1, (third,), 0, 1.0),
    ]


def rows_of(star: Path, *labels: str) -> list[tuple[str, ...]]:
    table = having(read_tables(star), labels)
    assert table is not None
    return table.columns(labels)


def test_results_have_a_column_of_their_own_relative_to_the_project(project: Path) -> None:
    output = project / "out"
    output.mkdir()
    events = events_of(project, output)
    assert list(with_lists(events, lists_of([project / "m.star"], output))) == events
    star = output / "micrographs_denoised.star"
    assert rows_of(star, "rlnMicrographName", "rlnOpticsGroup", DENOISED) == [
        ("M/x/a 1.mrc", "2", "out/x/a 1_denoised.mrc"),
        ("M/y/a.v2.mrc", "1", "out/y/a.v2_denoised.mrc"),
        ("M/y/b.mrc", "1", "None"),
    ]
    assert rows_of(star, "rlnVoltage") == [("300",), ("200",)]


def test_results_take_the_place_of_the_micrographs(project: Path) -> None:
    output = project / "out"
    output.mkdir()
    list(with_lists(events_of(project, output), lists_of([project / "m.star"], output), names="replaced"))
    assert rows_of(output / "micrographs_denoised.star", "rlnMicrographName", RAW, "rlnOpticsGroup") == [
        ("out/x/a 1_denoised.mrc", "M/x/a 1.mrc", "2"),
        ("out/y/a.v2_denoised.mrc", "M/y/a.v2.mrc", "1"),
    ]


def test_results_outside_the_project_have_whole_names(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    output = tmp_path_factory.mktemp("elsewhere")
    list(with_lists(events_of(project, output), lists_of([project / "m.star"], output)))
    first, *_ = rows_of(output / "micrographs_denoised.star", DENOISED)
    assert first == (f"{output}/x/a 1_denoised.mrc",)


def test_several_lists_have_several(project: Path) -> None:
    other = project / "n.star"
    other.write_text(HEAD + ROWS)
    list(
        with_lists(events_of(project, project), lists_of([project / "m.star", other, project / "M"], project))
    )
    names = {path.name for path in project.glob("micrographs_*.star")}
    assert names == {"micrographs_denoised.star", "micrographs_denoised_2.star"}


def test_an_earlier_list_is_replaced_and_a_file_of_others_is_not(project: Path) -> None:
    star = project / "micrographs_denoised.star"
    for _ in range(2):
        list(with_lists(events_of(project, project), lists_of([project / "m.star"], project)))
    star.write_text(HEAD + ROWS)
    with pytest.raises(OutputError, match="O05"):
        list(with_lists(events_of(project, project), lists_of([project / "m.star"], project)))
    assert star.read_text() == HEAD + ROWS
    list(with_lists(events_of(project, project), lists_of([project / "m.star"], project), overwrite=True))
    assert star.read_text() != HEAD + ROWS


def test_tilt_series_and_folders_have_none(project: Path) -> None:
    inner = project / "series.star"
    inner.write_text("data_global\nloop_\n_rlnTomoTiltSeriesStarFile\nm.star\n")
    list(with_lists(events_of(project, project), lists_of([inner, project / "M"], project)))
    assert not list(project.glob("micrographs_*"))


def test_the_command_lists_what_it_denoised(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, path in enumerate(sorted((project / "M").rglob("*.mrc"))):
        path.unlink()
        mrc.write(path, scene(number, (96, 96)).even.data, pixel_size=3.0, label="disks")
    monkeypatch.chdir(project / "M")
    command = ["denoise", str(project / "m.star"), "--output", str(project / "out"), "--device", "cpu"]
    assert main([*command, "--names", "replaced"]) == 0
    listed = micrographs_of(project / "out" / "micrographs_denoised.star")
    assert len(listed) == 3
    assert all(micrographs.read(path).shape == (96, 96) for path in listed)


@pytest.mark.parametrize("name", ["micrographs_denoised.cs", "micrographs_denoised.csg"])
def test_a_file_in_the_way_of_a_list_of_cryosparc_is_found_before_the_first_event(
    tmp_path: Path, name: str
) -> None:
    write_project(tmp_path)
    (tmp_path / name).write_text("of others")
    events = iter([BatchFinished(0, (), 0, 1.0)])
    with pytest.raises(OutputError, match=rf"O05.*{name} "):
        next(with_lists(events, lists_of([tmp_path / "J2" / "exposures.cs"], tmp_path)))
    assert len(list(events)) == 1


def test_a_file_in_the_way_of_a_star_file_is_found_before_the_first_event(project: Path) -> None:
    (project / "micrographs_denoised.star").write_text(HEAD + ROWS)
    events = iter(events_of(project, project))
    with pytest.raises(OutputError, match="O05"):
        next(with_lists(events, lists_of([project / "m.star"], project)))
    assert len(list(events)) == 4


def test_nothing_is_in_the_way_of_lists_that_are_not_written(project: Path) -> None:
    (project / "micrographs_denoised.star").write_text(HEAD + ROWS)
    inner, events = project / "series.star", events_of(project, project)
    inner.write_text("data_global\nloop_\n_rlnTomoTiltSeriesStarFile\nm.star\n")
    assert list(with_lists(events, lists_of([inner], project))) == events
