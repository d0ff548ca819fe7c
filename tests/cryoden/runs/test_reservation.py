from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from cryoden.errors import OutputError
from cryoden.io.claim import claim
from cryoden.runs import reservation
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.record import read
from cryoden.runs.reservation import CLAIM, LASTS, Heartbeat, is_alive, last_sign, this_run
from tests.napari_cryoden import runs


def test_of_many_runs_into_one_folder_one_gets_it_and_the_others_hear_whose_it_is(tmp_path: Path) -> None:
    won, refused = [], []

    def ask() -> None:
        try:
            won.append(RunFolder(tmp_path / "run").reserve())
        except OutputError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), refused) == (1, ["O05"] * 9)
    with pytest.raises(OutputError, match=rf"O05 .*process {os.getpid()} on .*preparing"):
        RunFolder(tmp_path / "run").reserve()
    under_way: Any = kept_in(RunFolder(tmp_path / "other"), runs.endless())
    with closing(under_way):
        next(under_way)
        with pytest.raises(OutputError, match=rf"O05 .*process {os.getpid()} on .*running"):
            RunFolder(tmp_path / "other").reserve()


def test_an_empty_folder_is_taken_and_one_that_holds_anything_is_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    list(kept_in(RunFolder(tmp_path / "empty"), runs.events()))
    assert read(tmp_path / "empty").state == "completed"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / ".hidden").touch()
    with pytest.raises(OutputError, match="O05"):
        RunFolder(tmp_path / "full").reserve()
    with pytest.raises(OutputError, match="O05"):
        RunFolder(tmp_path / "full" / ".hidden").reserve()
    assert list((tmp_path / "full").iterdir()) == [tmp_path / "full" / ".hidden"]


def beaten(folder: Path, seconds: float) -> Path:
    """Make a sign of life of so many seconds ago, by the clock of the file system."""
    heart = folder / "heartbeat"
    heart.touch()
    now = heart.stat().st_mtime
    os.utime(heart, (now - seconds, now - seconds))
    return heart


ELSEWHERE = {"pid": 1, "host": "node17", "machine": "another", "created": 0.0}


def test_on_another_host_a_run_lives_while_it_gives_signs_of_life(tmp_path: Path) -> None:
    assert is_alive(ELSEWHERE, beaten(tmp_path, 0.5 * LASTS))
    assert not is_alive(ELSEWHERE, beaten(tmp_path, 2 * LASTS))


def test_a_clock_that_is_wrong_here_makes_no_run_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart = beaten(tmp_path, 1)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert is_alive(ELSEWHERE, heart)
    assert list(tmp_path.iterdir()) == [heart]


def test_on_its_own_machine_a_dead_process_is_dead_at_once(tmp_path: Path) -> None:
    heart, ended = beaten(tmp_path, 0), subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / CLAIM).touch()
    assert is_alive(this_run(), heart)
    assert not is_alive(this_run() | {"pid": ended.pid}, heart)
    assert not is_alive(this_run() | {"created": 1.0}, heart)  # its number was given to another


def test_a_process_that_lives_on_and_has_left_the_folder_runs_no_more(tmp_path: Path) -> None:
    """As a viewer whose run found no room for how it ended."""
    heart = beaten(tmp_path, 0)
    held = claim(tmp_path / CLAIM)
    assert held is not None
    with held:
        assert is_alive(this_run(), heart)
    assert not is_alive(this_run(), heart)


def test_a_process_that_is_suspended_lives_however_long_it_is_silent_and_a_killed_one_does_not(
    tmp_path: Path,
) -> None:
    silent = beaten(tmp_path, 100 * LASTS)
    (tmp_path / CLAIM).touch()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    described = this_run() | {"pid": other.pid, "created": psutil.Process(other.pid).create_time()}
    other.send_signal(signal.SIGSTOP)
    assert is_alive(described, silent)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # ended; whoever began it has not asked yet
    assert not is_alive(described, beaten(tmp_path, 0))
    other.communicate()


def test_in_a_container_a_number_means_nothing(tmp_path: Path) -> None:
    heart = beaten(tmp_path, 0)
    assert is_alive(this_run() | {"machine": "the same host, other numbers", "pid": 2**22 + 7}, heart)


def test_a_run_of_an_older_version_is_looked_up_by_its_number(tmp_path: Path) -> None:
    here = {"pid": os.getpid(), "host": this_run()["host"]}
    assert is_alive(here, tmp_path / "heartbeat")
    assert not is_alive(here | {"pid": 2**22 + 7}, tmp_path / "heartbeat")


def test_a_heart_beats_until_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservation, "BEAT", 0.001)
    heart = Heartbeat(tmp_path / "heartbeat", tmp_path / "run.json")
    heart.start()
    os.utime(heart.path, (1, 1))
    while heart.path.stat().st_mtime < 2:
        pass
    heart.stop()
    assert not heart.path.exists()


def test_a_heart_leaves_the_sign_of_another_process_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation, "BEAT", 0.001)
    heart = Heartbeat(tmp_path / "heartbeat", tmp_path / "run.json")
    heart.path.write_text("of a run that was killed")
    before = heart.is_foreign
    heart.start()
    own = heart.is_foreign
    heart.path.write_text("another")
    assert (before, own, heart.is_foreign) == (False, False, True)
    heart.stop()
    assert heart.path.read_text() == "another"


def test_when_the_last_sign_of_life_was_is_said_in_utc(tmp_path: Path) -> None:
    os.utime(beaten(tmp_path, 0), (0, 0))
    assert last_sign(tmp_path / "heartbeat") == "1970-01-01 00:00:00 UTC"
    assert last_sign(tmp_path / "none") == ""
