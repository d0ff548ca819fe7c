"""A SLURM of one machine: each job is a process, begun as it is submitted and ended as it is canceled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SUBMIT = """#!/bin/bash
cp "$1" {folder}/job-$$.sh
setsid bash {folder}/job-$$.sh > {folder}/job-$$.log 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""
CANCEL = """#!/bin/bash
echo "$@" >> {folder}/canceled
for job in "$@"; do kill -TERM -- "-$job"; done
"""


def queue_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put commands of SLURM into a folder, and that on the path."""
    folder.mkdir()
    for name, text in {"sbatch": SUBMIT, "scancel": CANCEL}.items():
        (folder / name).write_text(text.format(folder=folder))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    # Other packages bring a package named tests.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
