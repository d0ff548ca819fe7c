"""A report shows what lies in its run folder, and nothing that a link in it leads to."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.errors import RunError
from cryoden.runs.folder import RunFolder
from cryoden.runs.report import write
from cryoden.workflows import train_model
from tests.cryoden.scenes import scene
from tests.cryoden.training.short_runs import settings

SECRET = "correct horse battery staple"  # noqa: S105  that of nobody
VERDICT = {"methods": [{"method": SECRET}], "verdict": SECRET}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    pairs = [scene(number).halves for number in range(2)]
    list(
        train_model.train_halves(
            pairs, RunFolder(run), settings(network="baseline", learning_rate=0.01, epochs=4)
        )
    )
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> RunFolder:
    """A whole run, beside files of somebody else."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "picture.png").write_bytes(SECRET.encode())
    (tmp_path / "secret" / "data.json").write_text(json.dumps({"passphrase": SECRET}))
    (tmp_path / "secret" / "evaluation.json").write_text(json.dumps(VERDICT))
    return RunFolder(shutil.copytree(finished, tmp_path / "run"))


def linked(run: RunFolder, name: str, to: str) -> Path:
    path = run.path / name
    path.unlink(missing_ok=True)
    path.symlink_to(run.path.parent / "secret" / to)
    return path


def pages(run: RunFolder) -> str:
    return run.report.read_text() + run.text.read_text()


def test_what_links_out_of_the_run_lead_to_is_not_shown_and_that_is_said(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = {name: linked(run, name, "picture.png") for name in ("denoised.png", "pairs.png")}
    tables = {name: linked(run, name, name) for name in ("data.json", "evaluation.json")}
    assert main(["report", str(run.path)]) == 0
    said = capsys.readouterr().err
    for name, link in (pictures | tables).items():
        assert f"R08: {name} is a link out of its run folder, to {link.resolve()}: nothing" in said
        assert f"{name} is a link out of its run folder" in run.report.read_text()
    assert SECRET not in pages(run)
    assert b64encode(SECRET.encode()).decode() not in pages(run)


def test_the_same_files_in_the_run_itself_are_shown(run: RunFolder) -> None:
    for name in ("data.json", "evaluation.json"):
        shutil.copy(run.path.parent / "secret" / name, run.path)
    assert write(run) == []
    assert pages(run).count(SECRET) > 2
    assert run.report.read_text().count("data:image/png;base64,") == 2


def test_a_link_within_the_run_and_a_link_to_the_whole_run_are_followed(run: RunFolder) -> None:
    run.denoised.rename(run.path / "other.png")
    run.denoised.symlink_to("other.png")
    elsewhere = run.path.parent / "by_another_name"
    elsewhere.symlink_to(run.path)
    assert write(RunFolder(elsewhere)) == []
    assert run.report.read_text().count("data:image/png;base64,") == 2


@pytest.mark.parametrize("name", ["run.json", "metrics.csv"])
def test_a_record_that_is_another_run_s_is_refused(run: RunFolder, name: str) -> None:
    shutil.move(run.path / name, run.path.parent / "secret" / name)
    linked(run, name, name)
    before = pages(run)
    with pytest.raises(RunError, match=f"R08  {run.path / name} — is a link out of its run folder, to "):
        write(run)
    assert pages(run) == before


def test_a_model_elsewhere_is_not_described(run: RunFolder) -> None:
    assert "## Architecture" in run.text.read_text()
    shutil.move(run.model, run.path.parent / "secret")
    linked(run, run.model.name, run.model.name)
    (remark,) = write(run)
    assert remark.text.startswith("model.safetensors is a link")
    assert "## Architecture" not in run.text.read_text()


def test_no_report_is_written_through_a_link(run: RunFolder) -> None:
    for name in ("loss.png", "report.md", "report.html"):
        linked(run, name, "picture.png")
    write(run)
    assert (run.path.parent / "secret" / "picture.png").read_text() == SECRET
    assert not any((run.path / name).is_symlink() for name in ("loss.png", "report.md", "report.html"))
