"""A training by several processes, as the command line and torchrun start it."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from cryoden.cli.endings import USAGE
from cryoden.cli.main import main
from cryoden.model import checkpoint
from cryoden.runs.record import read
from tests.cryoden.checkpoints.interrupted import table
from tests.cryoden.cli.asked import QUICK
from tests.cryoden.cli.test_endings import BEGUN, ENDLESS, read_until, running

TORCHRUN = [
    sys.executable,
    "-m",
    "torch.distributed.run",
    "--standalone",
    "--nproc-per-node",
    "2",
    "-m",
    "--",
]

ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def asked(folder: Path, run: Path, *more: str) -> list[str]:
    return ["train", "--halves", str(folder), "--run", str(run), *QUICK, "--network", "baseline", *more]


def losses(run: Path) -> NDArray[np.float64]:
    with (run / "metrics.csv").open() as file:
        return np.array([float(row["step_loss"]) for row in csv.DictReader(file) if row["step_loss"]])


def test_processes_started_here_or_by_torchrun_have_the_losses_of_one_and_leave_one_run(folder: Path) -> None:
    one, two, three = (folder / name for name in ("one", "two", "three"))
    assert main(asked(folder, one, "--epochs", "5")) == 0
    assert main(asked(folder, two, "--epochs", "5", "--workers", "2")) == 0
    by_torchrun = [*TORCHRUN, "cryoden.cli.main", *asked(folder, three, "--epochs", "5")]
    ended = subprocess.run(by_torchrun, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Model: ") == 1
    assert len(losses(one)) == 20
    for other in (two, three):
        np.testing.assert_allclose(losses(other), losses(one), rtol=2e-6)
        assert read(other).state == "completed"


def others(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = psutil.Process(process.pid).children()
    return [one for one in found if "spawn_main" in " ".join(one.cmdline())]


EACH_STEP = "--checkpoint-minutes", "1e-6"


@pytest.mark.parametrize(
    ("number", "status", "processes"),
    [
        (signal.SIGTERM, 143, ("--workers", "2")),
        pytest.param(signal.SIGUSR1, 138, (), marks=pytest.mark.long),
    ],
)
def test_a_run_that_is_stopped_and_resumed_is_the_run_that_was_not(
    folder: Path, number: int, status: int, processes: tuple[str, ...]
) -> None:
    one, other = folder / "one", folder / "other"
    chosen = "--epochs", "40", *processes, *EACH_STEP
    assert main(asked(folder, one, *chosen)) == 0
    process = running(*asked(folder, other, *chosen), at=(" best\n", number))
    printed, _ = process.communicate()
    assert process.returncode == status, printed
    assert f"To resume: cryoden train --resume {other}" in printed
    assert main(["train", "--resume", str(other), *processes]) == 0
    assert table(other) == table(one)
    saved, expected = (checkpoint.load(run / "model.safetensors").weights for run in (other, one))
    assert all(np.array_equal(saved[name], expected[name]) for name in expected)


@pytest.mark.long
def test_a_run_of_two_processes_continues_with_one_and_it_is_said_that_its_bits_differ(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = folder / "one", folder / "other"
    chosen = "--epochs", "40", *EACH_STEP
    assert main(asked(folder, one, *chosen)) == 0
    running(*asked(folder, other, *chosen, "--workers", "2"), at=(" best\n", signal.SIGINT)).communicate()
    assert main(["train", "--resume", str(other)]) == 0
    assert re.search(r"not bit-identical .*2 processes then", capsys.readouterr().err)
    np.testing.assert_allclose(losses(other), losses(one), atol=0.02)  # rounding grows in 160 steps


@pytest.mark.long
def test_torchrun_resumes_a_run_that_it_was_killed_in(folder: Path) -> None:
    one, other = folder / "one", folder / "other"
    chosen = "--epochs", "40", *EACH_STEP
    assert main(asked(folder, one, *chosen, "--workers", "2")) == 0
    running(*asked(folder, other, *chosen, "--workers", "2"), at=(" best\n", signal.SIGKILL)).communicate()
    again = [*TORCHRUN, "cryoden.cli.main", *asked(folder, other, *chosen, "--resume", "auto")]
    ended = subprocess.run(again, capture_output=True, text=True, check=False, env=os.environ | ONE_THREAD)
    assert ended.returncode == 0, ended.stderr
    assert table(other) == table(one)


def test_a_run_that_is_resumed_where_it_is_there_begins_continues_and_is_finished(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder / "run"
    again = asked(folder, run, "--epochs", "5", "--resume", "auto", *EACH_STEP)
    running(*again, at=("    2 ", signal.SIGKILL)).communicate()
    assert read(run).state == "interrupted"
    assert main(again) == 0
    assert re.search(r"resumed after step \d+", capsys.readouterr().out)
    assert main(again) == 0
    assert "T18" in capsys.readouterr().err
    assert main(["train", "--resume", str(run)]) == 1


def test_changed_settings_are_refused_and_those_that_are_not_given_are_no_change(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder / "run"
    assert main(asked(folder, run, "--epochs", "5")) == 0
    assert main(["train", "--resume", str(run), "--epochs", "6"]) == 1
    assert "T17" in (said := capsys.readouterr().err)
    assert "epochs: 5 then, 6 now. The run is untouched" in said
    assert main(["train", "--resume", str(run), "--epochs", "6", "--force"]) == 0
    assert read(run).about["last"]["epoch"] == 6
    assert main([*asked(folder, run, "--epochs", "6"), "--resume", str(run), "--batch", "4"]) == 1
    assert "batch: 2 then, 4 now" in capsys.readouterr().err


def test_data_are_named_by_the_run_or_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = str(folder / "nowhere")
    assert main(["train", "--resume", nowhere, "--halves", str(folder), "--noisy", str(folder)]) == USAGE
    assert main(["train", "--resume", "auto", "--halves", str(folder)]) == USAGE
    assert main(["train", "--resume", nowhere]) == 1
    assert "R01" in capsys.readouterr().err


def test_a_process_that_is_killed_ends_the_run_in_words_and_the_best_model_is_kept(folder: Path) -> None:
    run = folder / "run"
    endless = "--epochs", "100000", "--patience", "0", "--workers", "2"
    process = running(*asked(folder, run, *endless))
    read_until(process, " best\n")
    (other,) = others(process)
    other.kill()
    printed, _ = process.communicate()
    assert process.returncode == 1, printed
    assert "T16  process 2 (cpu) ended: exit status -9. The best model so far is kept." in printed
    assert checkpoint.load(run / "model.safetensors").weights
    assert (read(run).state, read(run).message[:3]) == ("failed", "T16")


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long)],
)
def test_a_signal_to_all_processes_stops_them_and_keeps_what_they_have_learned(
    folder: Path, number: int, status: int
) -> None:
    run = folder / "run"
    process = running("train", "--halves", str(folder), "--run", str(run), *ENDLESS, "--workers", "2")
    read_until(process, BEGUN)
    (other,) = others(process)
    for one in (other.pid, process.pid):  # as terminals and queues do
        psutil.Process(one).send_signal(number)
    printed, _ = process.communicate()
    assert process.returncode == status, printed
    assert f"saved in {run / 'model.safetensors'}" in printed
    assert not other.is_running()


def test_the_other_processes_end_when_the_first_is_killed(folder: Path) -> None:
    process = running(*asked(folder, folder / "run", "--epochs", "100000", "--workers", "2"))
    read_until(process, "    1 ")
    (other,) = others(process)
    process.kill()
    process.communicate()
    psutil.wait_procs([other])
    assert not other.is_running()


def test_gpus_and_processors_at_once_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked(folder, folder / "run", "--devices", "all", "--workers", "2")) == 2
    assert "S03  --devices and --workers were given" in capsys.readouterr().err


def test_gpus_that_are_not_there_are_refused_before_anything_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked(folder, folder / "run", "--devices", "0,97")) == 2
    assert "S02" in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_a_device_beside_those_of_several_processes_is_refused(capsys: Any) -> None:
    asked = [
        "train",
        "--halves",
        "nowhere",
        "--model",
        "m.safetensors",
        "--device",
        "cuda:1",
        "--workers",
        "2",
    ]
    assert main(asked) == USAGE
    assert re.search(r"S03  --device cuda:1 .*--workers", capsys.readouterr().err)
