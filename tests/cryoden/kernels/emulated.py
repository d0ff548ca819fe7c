"""Kernels compiled for the processor: their own source, and a GPU emulated by one fiber for each thread."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from torch import Tensor

from cryoden.kernels import nvrtc

HERE = Path(__file__).parent
FLAGS = ("-O2", "-std=c++17", "-shared", "-fPIC", "-w")
HALF = ("-march=native",)  # float16 in hardware
EXACT = ("-ffp-contract=off",)


@cache  # for all tests of a process
def compiled(source: str, emulator: Path, flags: tuple[str, ...] = HALF) -> ctypes.CDLL:
    """Compile a file of kernels, ``package/name``, with what runs each of them; skip without a compiler."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    paths = [f"-I{HERE}", f"-I{nvrtc.PACKAGES / 'kernels'}", f'-DSOURCE="{nvrtc.PACKAGES / source}"']
    with TemporaryDirectory() as folder:
        library = Path(folder) / "kernels.so"
        subprocess.run([compiler, *FLAGS, *flags, *paths, str(emulator), "-o", str(library)], check=True)
        return ctypes.CDLL(str(library))


def places(arguments: tuple[object, ...]) -> list[object]:
    """Return the arguments of a kernel as C takes them: tensors are where they lie."""
    return [_place(each) for each in arguments]


def _place(argument: object) -> object:
    if isinstance(argument, Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    return ctypes.c_float(argument) if isinstance(argument, float) else argument
