"""A disk that fails at any call, or a process killed there, leaves nothing half and says so in words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cryoden.faults.commands import COMMANDS
from tests.cryoden.faults.walking import FAULTS

LONG = {"thin", "patches", "evaluate", "export"}  # which write as others do
QUICK = [pytest.param(one, marks=pytest.mark.long) if one in LONG else one for one in COMMANDS]
HERE, ROOT = Path(__file__).parent, Path(__file__).parents[3]
CALLS = os.environ.get("CRYODEN_CALLS", "2")  # at which each fault strikes; 0, of make soak: at all of them
# Commands that take a second, and the one fault that each meets unless CRYODEN_CALLS is set.
SLOW = {"train": "killed", "evaluate": "full", "export": "broken for good"}

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="calls are made to fail by the loader of Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that fails."""
    made = tmp_path_factory.mktemp("disk") / "failing_disk.so"
    compiler = str(shutil.which("cc"))
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, HERE / "failing_disk.c", "-ldl"], check=True)
    return made


@pytest.mark.parametrize("command", QUICK)
def test_a_call_that_fails_leaves_whole_files_and_one_line(command: str, disk: Path, tmp_path: Path) -> None:
    faults = [SLOW[command]] if command in SLOW and "CRYODEN_CALLS" not in os.environ else list(FAULTS)
    asked = [sys.executable, "-m", "tests.cryoden.faults.walking", command, CALLS, *faults]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    more = {"FAILING_DISK": str(tmp_path), "LD_PRELOAD": str(disk), "PYTHONPATH": path}
    ended = subprocess.run(
        asked, check=True, cwd=ROOT, env=os.environ | more, stdout=subprocess.PIPE, text=True
    )
    walks = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [walk["fault"] for walk in walks] == faults
    assert all(walk["calls"] >= walk["tried"] > 1 for walk in walks)
    assert not {walk["fault"]: walk["found"] for walk in walks if walk["found"]}
