from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cryoden.cli import console
from cryoden.cli.main import main
from cryoden.errors import HalvesError, Remark, in_shell
from cryoden.events.batch import FileFinished
from cryoden.model.checkpoint import load
from tests.cryoden.cli.asked import lines, train


def test_json_is_one_object_a_line_with_every_event(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(folder, "--epochs", "1", "--json") == 0
    events = lines(capsys.readouterr().out)
    assert [event["event"] for event in events if event["event"] != "PhaseStarted"] == [
        "TrainingStarted",
        "EpochFinished",
        *["StepFinished"] * 4,
        "EpochFinished",
        "TrainingFinished",
    ]
    started = next(event for event in events if event["event"] == "TrainingStarted")
    assert started["settings"]["patch"] == 64
    assert load(folder / "m.safetensors").provenance["best_epoch"] == events[-1]["best_epoch"]


def test_the_last_line_of_a_batch_says_how_long_each_stage_took(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["denoise", str(folder), "--output", str(folder / "out"), "--device", "cpu", "--json"]) == 0
    ended = lines(capsys.readouterr().out)[-1]
    assert set(ended["stages"]) == {"reading", "denoising", "writing", "waiting"}
    assert ended["stages"]["denoising"] > 0


def test_remarks_on_a_file_are_in_its_event(capsys: pytest.CaptureFixture[str]) -> None:
    remarks = (Remark("T10", "unlike what the model was trained on"),)
    console._print_event(FileFinished(Path("a.mrc"), Path("out/a_denoised.mrc"), 1.0, warnings=remarks))
    (event,) = lines(capsys.readouterr().out)
    assert event["warnings"] == [{"code": "T10", "text": "unlike what the model was trained on"}]


def test_a_closed_pipe_ends_without_a_traceback(folder: Path) -> None:
    command = f"{sys.executable} -m cryoden.cli.main info {folder} --json | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 - a pipe is the point
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_has_gone_ends_the_program_with_141(folder: Path, more: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "cryoden.cli.main", "info", str(folder), *more]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_terminal_without_unicode_is_told_what_it_can_show(folder: Path) -> None:
    (folder / "m1_ODD.mrc").unlink()
    asked = [[*words, str(folder)] for words in (["info"], ["--help"], ["train", "--model", "m", "--halves"])]
    code = f"from cryoden.cli.main import main\nfor asked in {asked!r}: print('ended with', main(asked))"
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=plain, capture_output=True, text=True, encoding="ascii", check=False)
    assert "Traceback" not in done.stderr
    assert re.findall(r"ended with (\d+)", done.stdout) == ["1", "0", "1"]
    assert "no partner: m1_EVN.mrc" in done.stderr
    assert "usage: cryoden" in done.stdout


HOSTILE = "a\x1b[31m\x9b2J:x:[bold]\\"


def test_no_escape_sequence_of_a_name_reaches_the_terminal_and_no_name_becomes_a_picture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    prints: list[Callable[[], None]] = [
        lambda: console.show_table([HOSTILE, HOSTILE], [[HOSTILE, HOSTILE]]),
        lambda: console.show_remarks([HOSTILE]),
        lambda: console.OUT.print(HOSTILE, markup=False),
        lambda: console.ERR.print(str(HalvesError("D05", HOSTILE, HOSTILE)), markup=False),
    ]
    for print_it in prints:
        print_it()
        shown = "".join(capsys.readouterr())
        assert "\x1b" not in shown
        assert "\x9b" not in shown
        assert ":x:[bold]" in shown


def test_an_error_is_one_printable_line_whatever_names_are_in_it() -> None:
    error = HalvesError("D05", "a\n", "b\x1b[0m", kept="c\r", fix="d\x00")
    assert str(error).isprintable()


def test_a_suggested_command_takes_the_file_whatever_its_name() -> None:
    assert shlex.split(f"newstack {in_shell('-a b;rm.mrc')}") == ["newstack", "./-a b;rm.mrc"]


def test_a_table_of_very_many_rows_has_all_of_them_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"micrograph_{number:05}.mrc", "micrograph", "4096×4096") for number in range(console.MANY + 1)]
    console.show_table(("file", "kind", "size"), rows)
    head, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(rows)
    assert head.split() == ["file", "kind", "size"]
    assert lines[-1] == "micrograph_00500.mrc  micrograph  4096×4096"
