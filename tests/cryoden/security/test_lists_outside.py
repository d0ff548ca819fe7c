from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.dataset.cs_tables import read_table
from cryoden.dataset.output_paths import results
from cryoden.dataset.survey import outside_projects
from cryoden.errors import MicrographError
from tests.cryoden.hostile import header, made, pixels


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one micrograph of its own, beside a secret one."""
    (tmp_path / "project" / "mics").mkdir(parents=True)
    made(tmp_path / "project" / "mics" / "a.mrc", header(), pixels())
    made(tmp_path / "secret.mrc", header(), pixels(seed=1))
    return tmp_path / "project"


def star(project: Path, *names: str, label: str = "rlnMicrographName") -> Path:
    path = project / "list.star"
    path.write_text(f"data_\nloop_\n_{label} #1\n" + "\n".join(names) + "\n")
    return path


def test_a_list_that_stays_in_its_project_is_not_spoken_of(project: Path) -> None:
    assert not outside_projects([star(project, "mics/a.mrc"), project / "mics"])


def test_an_absolute_name_and_one_above_the_project_are_said(project: Path) -> None:
    secret = project.parent / "secret.mrc"
    for name in (str(secret), "../secret.mrc", "mics/../../secret.mrc"):
        (remark,) = outside_projects([star(project, "mics/a.mrc", name)])
        assert remark.code == "D16"
        assert "1 of 2 files" in remark.text
        assert str(secret) in remark.text


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_link_out_of_the_project_is_said_with_where_it_leads(project: Path, linked: str) -> None:
    secret = project.parent / "secret.mrc"
    if linked == "file":
        (project / "mics" / "b.mrc").symlink_to(secret)
    else:
        (project / "away").symlink_to(project.parent)
    name = "mics/b.mrc" if linked == "file" else "away/secret.mrc"
    (remark,) = outside_projects([star(project, "mics/a.mrc", name)])
    assert f"{project / name}, which is {secret}" in remark.text


def test_a_link_to_the_whole_project_is_not_spoken_of(project: Path) -> None:
    star(project, "mics/a.mrc")
    other = project.parent / "other"
    other.symlink_to(project)
    assert not outside_projects([other / "list.star"])


def test_tilt_series_are_followed_once_even_those_that_name_themselves(project: Path) -> None:
    path = star(project, "list.star", label="rlnTomoTiltSeriesStarFile")
    assert not outside_projects([path])
    inner = project / "inner.star"
    inner.write_text("data_\nloop_\n_rlnMicrographName #1\n../secret.mrc\nmics/a.mrc\n")
    (remark,) = outside_projects([star(project, "inner.star", label="rlnTomoTiltSeriesStarFile")])
    assert "secret.mrc" in remark.text


@pytest.mark.parametrize("command", [["info"], ["denoise", "--device", "cpu", "--output", "out"]])
def test_the_command_line_says_it_before_it_reads(
    project: Path, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    main([*command, str(star(project, "mics/a.mrc", "../secret.mrc"))])
    assert "D16: 1 of 2 files that list.star names lie outside its project" in capsys.readouterr().err


def test_no_name_in_a_list_puts_a_result_outside_the_output_folder(project: Path) -> None:
    output = project / "out"
    path = star(project, "mics/a.mrc", "../secret.mrc", str(project.parent / "secret.mrc"))
    assert all(target.resolve().is_relative_to(output) for target in results([path], output).values())


def test_a_group_names_no_file_outside_its_project(project: Path) -> None:
    rows = np.zeros(1, [("uid", "<u8"), ("micrograph_blob/path", "S20")])
    np.save(project.parent / "x.npy", rows)
    (project.parent / "x.npy").rename(project.parent / "x.cs")
    for name in (">../x.cs", str(project.parent / "x.cs"), "../x.cs"):
        (project / "g.csg").write_text(
            f"results:\n  micrograph_blob:\n    metafile: '{name}'\n    type: exposure\n"
        )
        with pytest.raises(MicrographError, match="outside its project"):
            read_table(project / "g.csg")
