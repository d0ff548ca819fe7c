"""The kernels of float16_layers.cu on an emulated GPU."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import cast

import pytest
from torch import Tensor

from cryoden.compute import nvrtc
from cryoden.model.float16_layers import SOURCE, Layers, name

HERE = Path(__file__).parent


class EmulatedLayers:
    """The kernels' own source, run on the processor."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def launch(self, channels: tuple[int, int], *arguments: Tensor | int | None) -> None:
        places = [
            ctypes.c_void_p(each.data_ptr()) if isinstance(each, Tensor) else each for each in arguments
        ]
        getattr(self._library, f"run_{name(channels)}")(2, *places)


def compiled(folder: Path) -> Layers:
    """Compile them, or skip the test."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    library, compute = folder / "layers.so", nvrtc.PACKAGES / "compute"
    flags = ["-O2", "-march=native", "-std=c++17", "-shared", "-fPIC", "-w"]  # float16 in hardware
    paths = [f"-I{HERE.parent / 'compute'}", f"-I{compute}", f'-DSOURCE="{nvrtc.PACKAGES / SOURCE}"']
    source = HERE / "emulate_layers.cpp"
    subprocess.run([compiler, *flags, *paths, str(source), "-o", str(library)], check=True)
    return cast("Layers", EmulatedLayers(ctypes.CDLL(str(library))))
