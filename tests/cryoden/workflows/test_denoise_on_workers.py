"""Batches on two worker processes, which are started once for this file, on real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("distributed", reason="needs the extra [cluster]")

from cryoden.cli.main import main
from cryoden.compute.crew import Crew
from cryoden.compute.hiring import hired
from cryoden.errors import CryodenError
from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    FileFailed,
    FileFinished,
    FileSkipped,
    FileStarted,
    FileWaiting,
)
from cryoden.io import mrc
from cryoden.io.claim import beside, claim
from cryoden.model import checkpoint
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.workers import WorkerSettings
from cryoden.workflows.denoise_group import Job, denoise_group
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.denoise_on_workers import denoise_on
from tests.cryoden.cli.asked import lines
from tests.cryoden.denoising.test_denoise import model as random_model
from tests.cryoden.scenes import scene

SETTINGS = DenoisingSettings(device="cpu", tile=128, confidence=True)


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with hired(WorkerSettings(workers=2), "auto") as crew:
        yield crew


@pytest.fixture
def batch(tmp_path: Path) -> BatchRequest:
    checkpoint.write(random_model("baseline"), tmp_path / "model.safetensors")
    return BatchRequest(tmp_path / "model.safetensors", SETTINGS)


def micrographs(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"m{number}.mrc" for number in range(count)]
    for number, path in enumerate(paths):
        mrc.write(path, scene(number % 7).even.data, pixel_size=1.5, label="made for a test")
    return paths


def shared(crew: Crew, batch: BatchRequest, files: list[Path], output: Path) -> Iterator[BatchEvent]:
    return denoise_on(crew, batch, {}, {path: output / f"{path.stem}_denoised.mrc" for path in files})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def of(kind: Any, events: list[BatchEvent]) -> list[Path]:
    return [event.path for event in events if isinstance(event, kind)]


def test_results_of_two_workers_are_those_of_one_process_byte_for_byte(
    crew: Crew, batch: BatchRequest, tmp_path: Path
) -> None:
    files = micrographs(tmp_path / "in", 12)
    *events, ended = shared(crew, batch, files, tmp_path / "shared")
    list(denoise_files(files, tmp_path / "alone", batch))
    assert contents(tmp_path / "shared") == contents(tmp_path / "alone")
    assert len(contents(tmp_path / "alone")) == 12
    assert isinstance(ended, BatchFinished)
    assert (ended.finished, ended.failed, ended.untried) == (12, (), 0)
    assert ended.device.startswith("2 × CPU")
    assert ended.stages is not None
    assert ended.stages.denoising > 0
    assert Counter(of(FileFinished, events)) == Counter(files)


def test_each_file_is_reported_as_it_ends_and_counted(
    crew: Crew, batch: BatchRequest, tmp_path: Path
) -> None:
    files = micrographs(tmp_path / "in", 9)
    files[4].write_bytes(files[4].read_bytes()[:3000])
    list(denoise_files(files[:1], tmp_path / "out", batch))
    *events, ended = shared(crew, batch, files, tmp_path / "out")
    begun, ends = events[::2], events[1::2]
    assert [event.index for event in begun if isinstance(event, FileStarted)] == list(range(9))
    assert of(FileStarted, begun) == of(FileFinished | FileSkipped | FileFailed, ends)
    assert of(FileSkipped, ends) == files[:1]
    (failed,) = [event for event in ends if isinstance(event, FileFailed)]
    assert (failed.path, failed.code) == (files[4], "F03")
    assert isinstance(ended, BatchFinished)
    assert (ended.finished, ended.skipped, ended.failed) == (7, 1, (files[4],))


def test_of_forty_files_none_is_lost_or_made_twice_where_a_worker_is_killed(
    crew: Crew, batch: BatchRequest, tmp_path: Path
) -> None:
    files = micrographs(tmp_path / "in", 40)
    events = shared(crew, batch, files, tmp_path / "shared")
    heard, victim = [next(events)], psutil.Process(next(iter(_pids(crew))))
    victim.kill()
    heard += events
    ended = heard.pop()
    list(denoise_files(files, tmp_path / "alone", batch))
    assert contents(tmp_path / "shared").items() >= contents(tmp_path / "alone").items()
    assert Counter(of(FileFinished | FileSkipped, heard)) == Counter(files)
    assert isinstance(ended, BatchFinished)
    assert ended.finished + ended.skipped == 40
    assert victim.pid not in _pids(crew)


def _pids(crew: Crew) -> set[int]:
    return set(crew.client.run(os.getpid).values())


def test_what_another_process_makes_comes_last_and_is_waited_for(
    crew: Crew, batch: BatchRequest, tmp_path: Path
) -> None:
    files = micrographs(tmp_path / "in", 12)
    (tmp_path / "out").mkdir()
    held = claim(beside(tmp_path / "out" / "m1_denoised.mrc"))
    assert held is not None
    done: list[BatchEvent] = []
    for event in shared(crew, batch, files, tmp_path / "out"):
        done.append(event)
        if len(of(FileFinished, done)) == 11:
            held.release()
    assert of(FileFinished, done)[-1] == files[1]
    assert set(of(FileWaiting, done)) == {files[1]}
    assert Counter(of(FileFinished, done)) == Counter(files)


def test_a_batch_of_bad_files_is_ended_early(crew: Crew, batch: BatchRequest, tmp_path: Path) -> None:
    files = micrographs(tmp_path / "in", 80)
    for path in files:
        path.write_bytes(b"no micrograph" * 200)
    *_, ended = shared(crew, batch, files, tmp_path / "out")
    assert isinstance(ended, BatchFinished)
    assert ended.why_untried == "too many failed"
    assert 20 <= len(ended.failed) < 80
    assert ended.untried == 80 - len(ended.failed)


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"version": "0.0.1"}, "has cryoden .*, not 0.0.1"), ({"model": "0" * 64}, "another model")],
)
def test_a_worker_with_another_program_or_model_is_refused(
    crew: Crew, batch: BatchRequest, changed: dict[str, Any], words: str
) -> None:
    facts: dict[str, Any] = {"batch": batch, "model": checkpoint.load(batch.model).sha256}
    job = Job(**(facts | changed))
    with pytest.raises(CryodenError, match=f"C05  the worker tls://.* {words}"):
        crew.submit(_of_job, [job]).result()


def _of_job(run: str, group: Sequence[Job]) -> Any:
    return denoise_group(group[0], run, [])


def test_the_command_line_uses_a_cluster_that_runs_and_says_who_works(
    batch: BatchRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from distributed import LocalCluster  # noqa: PLC0415  not installed everywhere

    files = micrographs(tmp_path / "in", 6)
    asked = ["denoise", str(tmp_path / "in"), "--model", str(batch.model), "--device", "cpu", "--tile", "128"]
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        (tmp_path / "scheduler.json").write_text(json.dumps({"address": cluster.scheduler_address}))
        where = ["--scheduler-file", str(tmp_path / "scheduler.json")]
        assert main([*asked, *where, "--output", str(tmp_path / "out"), "--json"]) == 0
        first, *_, last = lines(capsys.readouterr().out)
        assert first["event"] == "WorkersStarted"
        assert first["where"] == f"Dask scheduler {cluster.scheduler_address}"
        assert first["dashboard"].startswith("http://127.0.0.1:")
        assert (last["event"], last["finished"]) == ("BatchFinished", len(files))
        assert (
            main([*asked, "--scheduler", cluster.scheduler_address, "--output", str(tmp_path / "out")]) == 0
        )
    told = capsys.readouterr()
    assert "6 skipped (already done)" in told.out
    assert "dashboard: http://" in told.err


@pytest.mark.skipif(os.name == "nt", reason="needs process groups")
def test_a_ctrl_c_ends_command_and_workers_and_leaves_nothing_half_written(
    batch: BatchRequest, tmp_path: Path
) -> None:
    micrographs(tmp_path / "in", 60)
    asked = ["denoise", str(tmp_path / "in"), "--model", str(batch.model), "--output", str(tmp_path / "out")]
    command = [sys.executable, "-m", "cryoden.cli.main", *asked, "--json", "--workers", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        assert "WorkersStarted" in running.stdout.readline()
        assert "FileStarted" in running.stdout.readline()
        workers = psutil.Process(running.pid).children(recursive=True)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the workers, too
        _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert told.endswith("Stopped. Nothing was left half-written.\n")
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    left = [path.name for path in (tmp_path / "out").iterdir()]
    assert not [name for name in left if name.startswith(".")]
    assert len(left) < 60
