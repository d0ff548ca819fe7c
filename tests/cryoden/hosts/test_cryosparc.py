"""An External job of cryoSPARC: cryosparc-tools against a cryoSPARC that is faked by its HTTP interface."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cryoden.cli.main import main
from cryoden.dataset.cs_tables import read_table
from cryoden.errors import HostError
from cryoden.formats import micrographs
from cryoden.hosts.cryosparc import connected
from tests.cryoden.dataset.cryosparc import EDGE, SIZE, UIDS, path_of, write_project

tools = pytest.importorskip("cryosparc.tools", reason="cryosparc-tools are not installed")
from cryosparc import auth  # noqa: E402  they may not be there
from cryosparc.dataset import Dataset  # noqa: E402  the same

from tests.cryoden.hosts.fake_cryosparc import FakeCryosparc, RefusedError, served  # noqa: E402  the same


@pytest.fixture
def fake(tmp_path: Path) -> FakeCryosparc:
    """A project with the exposures of a motion correction, J2, and of a CTF estimation, J3."""
    write_project(tmp_path)
    exposures = Dataset.load(tmp_path / "J2" / "exposures.cs")
    ctf = Dataset.load(tmp_path / "J3" / "exposures.cs")
    outputs = {
        ("J2", "micrographs"): exposures,
        ("J3", "exposures"): exposures.innerjoin(ctf),
        ("J3", "ctf"): ctf,
    }
    return FakeCryosparc(tmp_path, outputs)


@pytest.fixture
def port(
    fake: FakeCryosparc, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of the fake, at which one has logged in as `python -m cryosparc.tools login` does."""
    sessions = tmp_path_factory.mktemp("config") / "auth.json"
    monkeypatch.setattr(auth, "get_default_auth_config_path", lambda: sessions)
    with served(fake) as number:
        known = auth.InstanceAuthSessions({})
        token = auth.Token(access_token="a token", token_type="bearer")  # noqa: S106  that of the fake
        known.insert(f"http://127.0.0.1:{number}", "a@b.c", token, datetime.now(UTC) + timedelta(hours=1))
        known.save(sessions)
        yield number


def run(port: int, source: str, *more: str) -> int:
    place = ["--host", "127.0.0.1", "--port", str(port), "--project", "P3", "--workspace", "W1"]
    return main(["cryosparc", *place, "--input", source, "--device", "cpu", *more])


def output_of(fake: FakeCryosparc) -> Any:
    return fake.saved["micrographs_denoised"]


def test_a_job_denoises_its_input_and_saves_the_same_exposures(fake: FakeCryosparc, port: int) -> None:
    assert run(port, "J3.exposures") == 0
    (job,) = fake.jobs.values()
    assert (job["status"], job["workspace_uids"], job["spec"]["type"]) == ("completed", ["W1"], "snowflake")
    assert job["spec"]["inputs"]["exposures"]["connections"] == [{"job_uid": "J3", "output": "exposures"}]
    output = output_of(fake)
    assert output["uid"].tolist() == list(UIDS)
    assert output["micrograph_blob_denoised/psize_A"].tolist() == [SIZE] * 3
    assert output["micrograph_blob_denoised/shape"].tolist() == [[EDGE, EDGE]] * 3
    for path in output["micrograph_blob_denoised/path"]:
        assert path.startswith(f"{job['uid']}/")
        assert micrographs.read(fake.project / path).shape == (EDGE, EDGE)


def test_what_the_input_says_is_passed_through_and_not_saved_again(fake: FakeCryosparc, port: int) -> None:
    assert run(port, "J3.exposures") == 0
    (job,) = fake.jobs.values()
    assert job["spec"]["outputs"]["micrographs_denoised"]["passthrough"] == "exposures"
    assert set(output_of(fake).prefixes()) == {"micrograph_blob_denoised"}
    assert "ctf/df1_A" in read_table(fake.project / job["uid"] / "input_exposures.cs").columns


def test_a_micrograph_that_fails_is_no_row_of_the_output_and_is_in_the_log(
    fake: FakeCryosparc, port: int
) -> None:
    (fake.project / path_of(1)).write_bytes(b"no micrograph")
    assert run(port, "J2.micrographs") == 3
    (job,) = fake.jobs.values()
    assert job["status"] == "completed"
    assert output_of(fake)["uid"].tolist() == [UIDS[0], UIDS[2]]
    ((level, words),) = fake.logged
    assert level == "warning"
    assert path_of(1) in words


def test_a_job_without_any_result_fails_and_says_why(fake: FakeCryosparc, port: int) -> None:
    for number in range(3):
        (fake.project / path_of(number)).write_bytes(b"no micrograph")
    assert run(port, "J2.micrographs") == 1
    (job,) = fake.jobs.values()
    assert job["status"] == "failed"
    assert "no micrograph has a result" in fake.errors[0]
    assert len(fake.errors[0].splitlines()) == 1


def test_ctrl_c_makes_the_job_a_failure(
    fake: FakeCryosparc, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cryoden.hosts.cryosparc.denoise_files", stop)
    assert run(port, "J2.micrographs") == 130
    (job,) = fake.jobs.values()
    assert (job["status"], fake.errors) == ("failed", ["stopped"])


def test_a_job_that_is_killed_in_cryosparc_stops(fake: FakeCryosparc, port: int) -> None:
    def kill(name: str) -> None:
        if name == "jobs.find_one":
            for job in fake.jobs.values():
                job["status"] = "killed" if job["status"] == "running" else job["status"]

    fake.before = kill
    assert run(port, "J2.micrographs") == 130
    (job,) = fake.jobs.values()
    assert job["status"] == "killed"
    assert not fake.saved


def test_a_moment_without_cryosparc_costs_no_results(fake: FakeCryosparc, port: int) -> None:
    def hide(name: str) -> None:
        if name == "jobs.find_one" and any(job["status"] == "running" for job in fake.jobs.values()):
            raise RefusedError("restarting")

    fake.before = hide
    assert run(port, "J2.micrographs") == 0
    assert len(output_of(fake)) == 3


@pytest.mark.parametrize(
    ("source", "words", "made"),
    [
        ("J7.micrographs", "J7", 0),
        ("J3.micrographs", "J3 has no output micrographs (found: exposures, ctf)", 0),
        ("J3.ctf", "micrograph_blob", 1),
    ],
)
def test_an_input_that_is_not_there_is_named_in_one_line(
    fake: FakeCryosparc, port: int, source: str, words: str, made: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(port, source) == 1
    said = capsys.readouterr().err
    assert said.startswith("H02")
    assert words in said
    assert len(fake.jobs) == made
    assert len(said.splitlines()) == 1


def test_a_projects_folder_that_is_not_mounted_is_reported_before_a_job_is_made(
    fake: FakeCryosparc, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    real, fake.project = fake.project, Path("/nowhere/project")
    assert run(port, "J2.micrographs") == 1
    assert capsys.readouterr().err.startswith("H03  /nowhere/project")
    assert not fake.jobs
    fake.project = real
    assert run(port, "J2.micrographs", "--project-folder", str(real)) == 0


def test_an_input_is_a_job_and_its_output(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(port, "J2") == 2
    assert "J5.exposures" in capsys.readouterr().err


def test_no_login_and_no_answer_are_said_in_one_line(port: int) -> None:
    with pytest.raises(HostError, match=r"H01.*authentication"):
        connected(f"http://localhost:{port}", None, None)
    with pytest.raises(HostError, match=r"H01") as refused:
        connected("http://127.0.0.1:1", "a@b.c", "p")
    assert len(str(refused.value).splitlines()) == 1


def test_missing_tools_are_named_as_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryosparc.tools", None)
    with pytest.raises(HostError, match=r"H01.*napari-cryoden\[cryosparc\]"):
        connected("http://127.0.0.1:1", None, None)
