"""The notebooks of the documentation run, in smaller sizes, as scripts would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
SMALLER = {
    "denoise_and_evaluate": ("EDGE = 768", "EDGE = 384"),
    "train_and_compare": ("640, 8, 12", "384, 1, 2"),
}


def _cells(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    return found


def test_each_notebook_is_run_below() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(SMALLER)


@pytest.mark.parametrize("name", SMALLER)
def test_a_notebook_runs_from_its_first_cell_to_its_last(name: str, tmp_path: Path) -> None:
    cells = ["".join(cell["source"]) for cell in _cells(name) if cell["cell_type"] == "code"]
    script = "\n".join(cells)
    as_written, smaller = SMALLER[name]
    assert as_written in script
    (tmp_path / "cells.py").write_text(script.replace(as_written, smaller), encoding="utf-8")
    environment = os.environ | {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "cells.py"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(
        {"denoise_and_evaluate": r"general: \w+", "train_and_compare": r"state +completed +completed"}[name],
        done.stdout,
    )


@pytest.mark.parametrize("name", SMALLER)
def test_a_notebook_is_kept_with_what_it_prints_and_shows_and_without_errors_or_paths(name: str) -> None:
    outputs = [output for cell in _cells(name) for output in cell.get("outputs", [])]
    kinds = {output["output_type"] for output in outputs}
    assert {"stream", "display_data"} <= kinds
    assert not kinds & {"error"}
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not re.search(r"/(home|tmp|root|work)/", json.dumps([output.get("text") for output in outputs]))
