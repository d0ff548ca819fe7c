"""A training by several processes, as the command line and torchrun start it."""

from __future__ import annotations

import csv
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


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
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
