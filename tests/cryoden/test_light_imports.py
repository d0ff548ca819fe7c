"""What a user waits for at every start is not loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from cryoden.model.checkpoint import Model, write

IMPORTS = """
import importlib.util, pkgutil, sys
from pathlib import Path

def absent(*heavy):
    loaded = {name.split(".")[0] for name in sys.modules}
    assert not loaded & set(heavy), f"{what} loads {loaded & set(heavy)}"

what = "probing a file"
import cryoden.io.mrc_probe
absent("numpy", "mrcfile", "torch")
what = "help"
from cryoden.cli.main import main
for command in [[], ["train"], ["denoise"], ["info"], ["demo"]]:
    assert main([*command, "--help"]) == 0
absent("numpy", "mrcfile", "torch")
what = "reading a micrograph"
import cryoden.io.mrc, cryoden.dataset.half_checks
absent("torch")
what = "reading a model"
from cryoden.model.checkpoint import load
load(Path(sys.argv[1]))
absent("torch")
what = "a batch of this process"
import cryoden.workflows.session, cryoden.evaluation.evaluate_on_workers
absent("distributed", "dask_jobqueue")
what = "all of the library"
for module in pkgutil.walk_packages(cryoden.__path__, "cryoden."):
    if "pipeliner" not in module.name or importlib.util.find_spec("pipeliner"):  # an extra
        importlib.import_module(module.name)
absent("napari", "napari_cryoden", "qtpy", "magicgui", "pyqtgraph", "PyQt6", "PySide6", "vispy")
"""


def test_nothing_heavy_is_loaded_before_it_is_needed_and_nothing_of_a_viewer_ever(tmp_path: Path) -> None:
    write(Model("baseline", {"w": np.zeros(3, np.float32)}, 1.5), tmp_path / "m.safetensors")
    command = [sys.executable, "-c", IMPORTS, str(tmp_path / "m.safetensors")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("usage: cryoden") == 5
