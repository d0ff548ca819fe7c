from __future__ import annotations

import inspect
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import tyro

from cryoden.cli.flags import Cryoden
from cryoden.cli.main import COMMANDS, STYLE, main
from cryoden.io.provenance import VERSION
from cryoden.settings.commands import commands


def test_help_has_one_line_for_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(commands(Cryoden)) == len(COMMANDS)
    for name, about in commands(Cryoden).items():
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        assert line.endswith(about)
        assert about.endswith(".")


@pytest.mark.parametrize("asked", [["--help"], ["-h"], ["--json", "--help"]])
def test_help_is_the_same_however_it_is_asked_for(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked) == 0
    assert capsys.readouterr().out.startswith("usage: cryoden")


@pytest.mark.parametrize(("typed", "meant"), [("trian", "train"), ("denosie", "denoise"), ("Info", "info")])
def test_a_mistyped_command_is_answered_with_the_nearest_one(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([typed, "--output", "x"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{typed} is no command (did you mean {meant}" in line


def test_a_word_like_no_command_is_answered_with_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "micrographs/"]) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in commands(Cryoden))


def test_a_mistyped_flag_is_answered_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--halves", "x", "--epcohs", "3"]) == 2
    assert "--epochs" in capsys.readouterr().err


def test_a_file_whose_name_is_an_option_with_control_characters_is_refused_and_shown_as_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info", "--\x1b]0;title\x07"]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "S08" in said
    assert "./" in said


@pytest.mark.parametrize("module", ["cryoden", "cryoden.cli.main"])
def test_the_package_is_the_command_line_when_python_runs_it(module: str) -> None:
    command = [sys.executable, "-m", module, "denoise", "no-such-folder", "--output", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("D01")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_a_shell_knows_every_command(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    assert main(["--tyro-write-completion", shell, str(script)]) == 0
    text = script.read_text()
    assert all(name in text for name in commands(Cryoden))
    assert "learning-rate" in text


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--version"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"version"}
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cryoden {VERSION}\n"


EXAMPLES = [
    line.strip()
    for kind in COMMANDS
    for line in inspect.getdoc(kind).splitlines()  # type: ignore[union-attr]  # each has one
    if line.strip().startswith("cryoden ")
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_help_is_a_command(example: str) -> None:
    _, *arguments = shlex.split(example, comments=True)
    assert tyro.cli(Cryoden, args=arguments, prog="cryoden", config=STYLE).command is not None
