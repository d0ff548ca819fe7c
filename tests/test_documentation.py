from __future__ import annotations

import os
import re
import runpy
import subprocess
from pathlib import Path

import pytest
import tyro

from cryoden.cli.flags import Cryoden, Train
from cryoden.cli.main import STYLE

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def test_the_page_of_settings_says_what_the_settings_are() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "write_settings.py"))["page"]()
    assert (ROOT / "docs" / "settings.md").read_text() == written, "run: python docs/write_settings.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_flag_in_the_readme_is_one_of_the_program() -> None:
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / "README.md").read_text()))
    sources = " ".join(path.read_text() for path in (ROOT / "src" / "cryoden").rglob("*.py")).replace(
        "_", "-"
    )
    assert not {flag for flag in told - {"--help"} if not re.search(rf"\b{flag[2:]}\b", sources)}


SLURM = ROOT / "examples" / "slurm" / "train.sh"


def test_the_job_of_the_page_is_that_of_the_examples_and_its_command_is_one_of_the_program() -> None:
    script = SLURM.read_text()
    assert script in (ROOT / "docs" / "cluster.md").read_text()
    (command,) = re.findall(r"^srun cryoden (.*)$", script, re.MULTILINE)
    asked = tyro.cli(Cryoden, args=command.split(), config=STYLE).command
    assert isinstance(asked, Train)
    assert (asked.resume, str(asked.run)) == ("auto", "runs/apo")


@pytest.mark.parametrize(("status", "is_put_back"), [(138, True), (143, False), (0, False), (1, False)])
def test_a_job_is_put_back_where_its_time_was_over_and_ends_as_its_training_did(
    tmp_path: Path, status: int, is_put_back: bool
) -> None:
    for name, line in (("srun", '"$@"'), ("cryoden", f"exit {status}"), ("scontrol", 'echo "$@" > put_back')):
        (tmp_path / name).write_text(f"#!/bin/bash\n{line}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    ended = subprocess.run(
        [SLURM], check=False, cwd=tmp_path, env=os.environ | {"PATH": path, "SLURM_JOB_ID": "77"}
    )
    assert ended.returncode == status
    put_back = tmp_path / "put_back"
    assert (put_back.read_text() if put_back.exists() else "") == ("requeue 77\n" if is_put_back else "")
