from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "known_vulnerabilities.py"
FLAW = {"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": [], "description": "bad"}
SOUND = {"name": "a", "version": "1.0", "vulns": []}
FLAWED = {"name": "b", "version": "2.0", "vulns": [FLAW]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "well", "words"),
    [
        ([SOUND, UNKNOWN], True, "0 in 1 packages"),
        ([SOUND, FLAWED], False, "b 2.0: PYSEC-1, fixed in 2.1"),
        ([UNKNOWN], True, "no index answers"),
        (None, True, "no index answers"),
    ],
)
def test_a_flaw_fails_the_check_and_silence_does_not(dependencies: Any, well: bool, words: str) -> None:
    found = "" if dependencies is None else json.dumps({"dependencies": dependencies, "fixes": []})
    answer, said = runpy.run_path(str(SCRIPT))["judged"](found)
    assert answer is well
    assert words in said


@pytest.mark.skipif(find_spec("pip_audit") is None, reason="pip-audit is not installed")
def test_offline_it_is_said_and_is_no_failure() -> None:
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    offline = {name: value for name, value in os.environ.items() if name.upper() != "NO_PROXY"} | nowhere
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], env=offline, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (
        0,
        "Known vulnerabilities: not looked for, as no index answers.\n",
    )
