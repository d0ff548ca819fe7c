from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cryoden.browsing.decisions import UNDECIDED, Decision, Decisions, journal_of
from cryoden.errors import HalvesError, OutputError

WRITER = """
import sys
from pathlib import Path
from cryoden.browsing.decisions import Decisions
decisions = Decisions(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    decisions.decide(f"{sys.argv[2]}{number}", "accepted", "by " + sys.argv[2])
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cryoden_decisions.jsonl"


def writer(path: Path, who: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), who, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_decision_is_on_disk_when_it_is_made(path: Path) -> None:
    Decisions(path).decide("a.mrc", "rejected", "thick  ice\n")
    assert Decisions(path).of("a.mrc") == Decision("rejected", "thick ice")
    assert Decisions(path).of("b.mrc") == UNDECIDED


def test_a_note_leaves_the_verdict_and_a_verdict_leaves_the_note(path: Path) -> None:
    decisions = Decisions(path)
    decisions.decide("a", note="crystals")
    decisions.decide("a", "accepted")
    assert decisions.of("a") == Decision("accepted", "crystals")


def test_decisions_are_undone_one_after_another(path: Path) -> None:
    decisions = Decisions(path)
    decisions.decide("a", "accepted")
    decisions.decide("a", "rejected")
    decisions.decide("b", "accepted")
    assert decisions.undo() == "b"
    assert decisions.undo() == "a"
    assert Decisions(path).of("a") == Decision("accepted")
    assert decisions.undo() == "a"
    assert decisions.undo() is None
    assert Decisions(path).counts() == {"accepted": 0, "rejected": 0}


def test_undo_leaves_what_somebody_else_has_decided_since(path: Path) -> None:
    mine, other = Decisions(path), Decisions(path)
    mine.decide("a", "accepted")
    mine.decide("b", "accepted")
    other.decide("b", "rejected")
    assert mine.undo() == "a"
    assert Decisions(path).of("b") == Decision("rejected")


def test_two_viewers_see_each_other_and_the_later_decision_is_valid(path: Path) -> None:
    mine, other = Decisions(path), Decisions(path)
    mine.decide("a", "accepted")
    assert other.refresh() == {"a"}
    other.decide("a", "rejected")
    other.decide("b", "accepted")
    assert mine.refresh() == {"a", "b"}
    assert mine.of("a") == Decision("rejected")
    assert mine.refresh() == set()


def test_of_two_processes_that_decide_at_once_no_decision_is_lost(path: Path) -> None:
    both = [writer(path, who, 40) for who in ("x", "y")]
    assert [one.wait() for one in both] == [0, 0]
    for one in both:
        assert one.stdout is not None
        one.stdout.close()
    decisions = Decisions(path)
    assert all(decisions.of(f"{who}{number}").note == f"by {who}" for who in "xy" for number in range(40))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal here")
def test_what_was_decided_before_a_kill_is_kept(path: Path) -> None:
    with writer(path, "x", 100_000) as process:
        assert process.stdout is not None
        last = [int(process.stdout.readline()) for _ in range(5)][-1]
        os.kill(process.pid, signal.SIGKILL)
    decisions = Decisions(path)
    assert all(decisions.of(f"x{number}").verdict == "accepted" for number in range(last + 1))
    decisions.decide("y", "rejected")
    assert Decisions(path).of("y").verdict == "rejected"


def test_a_line_cut_short_costs_no_other(path: Path) -> None:
    Decisions(path).decide("a", "accepted")
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[-1][:30])
    decisions = Decisions(path)
    decisions.decide("b", "rejected")
    again = Decisions(path)
    assert (again.of("a").verdict, again.of("b").verdict) == ("accepted", "rejected")


def test_lines_that_make_no_sense_are_passed_over(path: Path) -> None:
    Decisions(path).decide("a", "accepted")
    odd = [
        7,
        {"name": "a"},
        {"name": 3, "verdict": "", "note": ""},
        {"name": "a", "verdict": "x", "note": ""},
    ]
    with path.open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in odd)
        file.write("[" * 100_000 + "\n")
    assert Decisions(path).of("a") == Decision("accepted")


def test_a_file_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("my own notes\n")
    with pytest.raises(HalvesError, match="no decisions of this program"):
        Decisions(path)
    assert path.read_text() == "my own notes\n"


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="nothing is closed to this user")
def test_where_nothing_may_be_written_the_decision_is_not_made(path: Path) -> None:
    decisions = Decisions(path)
    path.parent.chmod(0o500)
    with pytest.raises(OutputError, match="could not be saved"):
        decisions.decide("a", "accepted")
    path.parent.chmod(0o700)
    assert decisions.of("a") == UNDECIDED


def test_where_the_folder_is_missing_the_decision_is_not_made(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path / "none" / "d.jsonl")
    with pytest.raises(OutputError, match=r"O06 .* could not be saved"):
        decisions.decide("a", "accepted")
    assert decisions.of("a") == UNDECIDED


def test_decisions_lie_in_the_folder_or_beside_the_list(tmp_path: Path) -> None:
    assert journal_of(tmp_path) == tmp_path / "cryoden_decisions.jsonl"
    assert journal_of(tmp_path / "m.star") == tmp_path / "m_decisions.jsonl"
