"""How commands end that are stopped: on real processes, by real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cryoden.cli.endings import SIGNALS
from cryoden.model import checkpoint
from cryoden.runs.record import read
from tests.cryoden.cli.asked import QUICK

ENDLESS = ["--epochs", "5", *QUICK, "--steps-per-epoch", "100000", "--network", "baseline"]
BEGUN = "    0 "  # how the line of epoch 0 begins, whatever is said of it

# A command that sends itself a signal as soon as it prints these words, however late its reader is.
SIGNALS_ITSELF = """
import os, sys
from cryoden.cli.main import main
words, number, write = sys.argv[1], int(sys.argv[2]), sys.stdout.write
def said(text):
    length = write(text)
    if words in text:
        sys.stdout.flush()
        sys.stdout.write = write
        os.kill(os.getpid(), number)
    return length
sys.stdout.write = said
sys.exit(main(sys.argv[3:]))
"""


def running(
    *command: str, ignoring: int | None = None, at: tuple[str, int] | None = None
) -> subprocess.Popen[str]:
    """Start a command; at the words named it gets the signal named."""
    if at is None:
        program = [sys.executable, "-m", "cryoden.cli.main"]
    else:
        program = [sys.executable, "-c", SIGNALS_ITSELF, at[0], str(int(at[1]))]

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):  # which whoever started the tests may ignore
            signal.signal(number, signal.SIG_DFL)
        if ignoring is not None:
            signal.signal(ignoring, signal.SIG_IGN)

    return subprocess.Popen(
        [*program, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        preexec_fn=prepare,  # noqa: PLW1509  no threads here that could hold a lock
    )


def read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    assert any(words in line for line in process.stdout)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.long),
    ],
)
def test_a_training_stopped_in_its_first_epoch_keeps_what_it_has_learned(
    folder: Path, number: int, status: int
) -> None:
    run = folder / "run"
    process = running("train", "--halves", str(folder), "--run", str(run), *ENDLESS)
    read_until(process, BEGUN)
    process.send_signal(number)
    told, _ = process.communicate()
    assert process.returncode == status, told
    assert f"saved in {run / 'model.safetensors'}" in told
    assert checkpoint.load(run / "model.safetensors").provenance["end"] == "stopped"
    assert read(run).state == "stopped"
    assert read(run).has_model


def test_a_second_signal_stops_at_once(folder: Path) -> None:
    process = running("train", "--halves", str(folder), "--model", str(folder / "m.safetensors"), *ENDLESS)
    read_until(process, BEGUN)
    process.send_signal(signal.SIGINT)
    read_until(process, "once more stops at once")
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in told


def test_a_batch_that_is_terminated_leaves_nothing_half_written(folder: Path) -> None:
    process = running("denoise", str(folder), "--output", str(folder / "out"), "--device", "cpu")
    read_until(process, "_denoised.mrc")
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate()
    assert process.returncode in {143, 0}, told
    assert all(path.name.endswith("_denoised.mrc") for path in (folder / "out").iterdir())


def test_a_run_that_is_killed_while_it_prepares_leaves_its_folder_to_the_next(folder: Path) -> None:
    run = folder / "run"
    command = ["train", "--halves", str(folder), "--run", str(run), "--epochs", "1", *QUICK]
    running(*command, at=("fitting", signal.SIGKILL)).communicate()  # its folder is there
    assert run.is_dir()
    assert not (run / "run.json").exists()
    assert subprocess.run([sys.executable, "-m", "cryoden.cli.main", *command], check=False).returncode == 0
    assert read(run).state == "completed"


def test_a_signal_that_was_ignored_stays_ignored(folder: Path) -> None:
    command = ["train", "--halves", str(folder), "--model", str(folder / "m.safetensors"), "--epochs", "1"]
    process = running(*command, *QUICK, ignoring=signal.SIGHUP)
    read_until(process, BEGUN)
    process.send_signal(signal.SIGHUP)
    process.communicate()
    assert process.returncode == 0


def test_what_handled_signals_before_does_so_again_and_a_thread_leaves_them_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with SIGNALS.caught():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
    seen = []

    def in_a_thread() -> None:
        with SIGNALS.caught():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert seen == [before]
