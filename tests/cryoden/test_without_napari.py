from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

ABSENT = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "napari" else found(name, package)
"""


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


def test_the_plugin_says_in_one_line_that_napari_is_missing() -> None:
    done = _run(f"{ABSENT}\ntry:\n    import napari_cryoden\nexcept ModuleNotFoundError as e:\n    print(e)")
    (line,) = done.stdout.splitlines()
    assert "napari, which is not installed" in line
    assert "pip install 'napari-cryoden[all]'" in line


def test_the_demonstration_in_a_window_ends_with_that_line_and_no_traceback() -> None:
    code = f"{ABSENT}\nsys.argv[0] = '-m'\nimport napari_cryoden"
    done = _run(code)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "napari, which is not installed" in line


@pytest.mark.skipif(find_spec("napari") is not None, reason="napari is installed here")
def test_a_bare_installation_has_no_display_library() -> None:
    assert not [name for name in ("PyQt5", "PyQt6", "PySide2", "PySide6", "vispy") if find_spec(name)]
