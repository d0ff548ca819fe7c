from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cryoden.io.claim import Claim, beside, claim, holder, is_running, release, this_process

HOLDS = (
    "import sys\nfrom pathlib import Path\nfrom cryoden.io.claim import claim\n"
    "held = claim(Path(sys.argv[1]))\nprint(held is not None, flush=True)\nsys.stdin.read()\n"
)


def holding(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every lock be refused, as by some network shares."""
    import fcntl  # noqa: PLC0415  absent on Windows

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_of_many_at_once_one_gets_the_claim(tmp_path: Path) -> None:
    got: list[Claim | None] = []
    threads = [threading.Thread(target=lambda: got.append(claim(tmp_path / "c"))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(held is not None for held in got) == 1


@pytest.mark.parametrize("locks", [True, False])
def test_a_claim_lasts_as_long_as_its_process_whatever_ends_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    if not locks:
        without_locks(monkeypatch)
    process = holding(tmp_path / "c")
    assert claim(tmp_path / "c") is None
    assert f"process {process.pid} on " in holder(tmp_path / "c")
    killed(process)
    held = claim(tmp_path / "c")
    assert held is not None
    held.release()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_a_process_of_another_machine_has_signed_meanwhile_stays(tmp_path: Path) -> None:
    held = claim(tmp_path / "c")  # where each machine has locks of its own, both have it
    assert held is not None
    (tmp_path / "c").write_text(json.dumps({"pid": 1, "host": "node17"}))
    held.release()
    assert holder(tmp_path / "c") == "process 1 on node17"


def test_a_released_claim_can_be_had_again_and_releasing_twice_takes_nothing_from_the_next(
    tmp_path: Path,
) -> None:
    first = claim(tmp_path / "c")
    assert first is not None
    first.release()
    second = claim(tmp_path / "c")
    first.release()
    assert second is not None
    assert claim(tmp_path / "c") is None


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"pid": "x", "host": 3}', "[" * 100_000, '{"pid": 1e99}'])
def test_a_claim_that_says_nothing_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    without_locks(monkeypatch)
    (tmp_path / "c").write_text(text)
    assert claim(tmp_path / "c") is not None


def test_a_process_of_another_machine_may_run() -> None:
    assert is_running({"pid": 1, "host": "elsewhere"})
    assert is_running(this_process())
    assert not is_running(this_process() | {"pid": -1})
    assert not is_running(json.loads("null"))


def test_a_claim_lies_hidden_beside_its_result_however_long_that_is_named() -> None:
    assert beside(Path("out/a.mrc")) == Path("out/.a.mrc.claim")
    assert len(os.fsencode(beside(Path("é" * 126)).name)) <= 255


def test_a_claim_of_another_machine_that_nobody_can_ask_about_does_not_last_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)
    (tmp_path / "c").write_text('{"pid": 1, "host": "elsewhere"}')
    assert claim(tmp_path / "c") is None
    os.utime(tmp_path / "c", (0, 0))
    assert claim(tmp_path / "c") is not None


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_link_in_the_place_of_a_claim_costs_its_target_nothing(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("years of work")
    link(beside(tmp_path / "m.mrc"), precious)
    with pytest.raises(OSError, match=r"link|symbolic"):
        claim(beside(tmp_path / "m.mrc"))
    assert precious.read_text() == "years of work"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_in_the_place_of_a_claim_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c")
    with pytest.raises(OSError, match="no file"):
        claim(tmp_path / "c")
    assert not holder(tmp_path / "c")


def test_another_file_of_such_a_name_is_no_claim_and_stays(tmp_path: Path) -> None:
    notes, left = tmp_path / ".insurance.claim", tmp_path / ".m.mrc.claim"
    notes.write_text('{"my": "notes"}')
    left.write_text("")
    for path in (notes, left):
        release(path)
    assert (notes.read_text(), left.exists()) == ('{"my": "notes"}', False)
