from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

pytest.importorskip("distributed", reason="needs the extra [cluster]")

import dask

from cryoden.compute.hiring import hired
from cryoden.compute.job_queue import described
from cryoden.errors import SettingsError
from cryoden.settings.workers import WorkerSettings
from tests.cryoden.compute.queue_of_one import queue_in

PAGE = Path(__file__).parents[3] / "docs" / "cluster.md"


def example(system: str) -> str:
    """Return the file for a system that the documentation shows."""
    shown = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return next(str(text) for text in shown if f"  {system}:" in text)


def doubled(_: str, group: Sequence[int]) -> tuple[int, int]:
    return psutil.Process().pid, 2 * group[0]


@pytest.mark.skipif(not shutil.which("setsid"), reason="needs setsid of Linux")
def test_jobs_of_the_documented_file_are_started_and_ended_with_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_in(tmp_path / "queue", monkeypatch)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "slurm.yaml"
    file.write_text(example("slurm"))
    with hired(WorkerSettings(cluster=str(file), jobs=2), "auto") as crew:
        assert crew.where == "2 jobs of slurm"
        crew.client.wait_for_workers(2)
        found = list(crew.each(doubled, range(6)))
    assert sorted(number for _, number in found) == [0, 2, 4, 6, 8, 10]
    scripts = [path.read_text() for path in (tmp_path / "queue").glob("*.sh")]
    assert len(scripts) == 2
    for line in ("#SBATCH -p gpu", "#SBATCH --gres=gpu:1", "--protocol tls://"):
        assert all(line in script for script in scripts)
    assert len((tmp_path / "queue" / "canceled").read_text().split()) == 2
    psutil.wait_procs([psutil.Process(pid) for pid, _ in found if psutil.pid_exists(pid)], timeout=20)
    assert not [pid for pid, _ in found if psutil.pid_exists(pid)]


@pytest.mark.skipif(not shutil.which("setsid"), reason="needs setsid of Linux")
def test_a_job_that_the_queue_ends_is_submitted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_in(tmp_path / "queue", monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slurm.yaml").write_text(example("slurm"))
    asked = WorkerSettings(cluster=str(tmp_path / "slurm.yaml"))
    soon = dask.config.set({"distributed.deploy.lost-worker-timeout": "0.1s"})
    with soon, hired(asked, "auto") as crew:
        ((first, _),) = crew.each(doubled, [1])
        worker = psutil.Process(first)
        for process in (*worker.parents()[:1], worker):  # the one that would start it again, too
            process.kill()
        ((second, number),) = crew.each(doubled, [2])
    assert (number, second == first) == (4, False)
    assert len(list((tmp_path / "queue").glob("*.sh"))) == 2


@pytest.mark.parametrize("system", ["slurm", "pbs"])
def test_the_documented_files_describe_jobs_with_one_model_each(system: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(example(system))
    found, options = described(tmp_path / "a.yaml")
    assert (found, options["processes"]) == (system, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: .*No such file"), ("a: [", "cannot be read: "),
        ("slurm: {}", "no 'jobqueue:'"),
        ("jobqueue:\n  cray: {}", "'cray' is no system with options .known: slurm, pbs,"),
        ("jobqueue:\n  slurm: 3", "'slurm' is no system with options"),
        ("jobqueue:\n  slurm: {}\n  pbs: {}", "no 'jobqueue:' with one system"),
        ("!!python/object/apply:os.getcwd []", "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_describes_no_jobs_is_named_with_what_is_wrong(
    tmp_path: Path, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(SettingsError, match=rf"C02  .*a\.yaml — .*{words}"):
        described(tmp_path / "a.yaml")


def test_options_that_make_no_job_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("jobqueue:\n  slurm:\n    queue: gpu\n    cores: 2\n")
    with pytest.raises(SettingsError, match=r"C02  .*how much a job has: no memory"):
        described(tmp_path / "a.yaml")
