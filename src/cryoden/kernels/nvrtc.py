"""Kernels compiled at run time by NVRTC, and launched through the driver.

torch's CUDA builds bring NVRTC along; nothing is compiled at installation and no header is needed.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

PACKAGES = files("cryoden")
HEADER = "warps.cuh"  # which a source may include
EXACT_SHARED, SHARED = (
    110 << 10,
    99 << 10,
)  # bytes of shared memory with and without EXACT of fused_baseline.cu
SHARED_LIMIT = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
SHARED_OFFERED = 97  # CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN

Kernels = Mapping[str, ctypes.c_void_p]


@cache
def kernels(index: int, source: str, names: tuple[str, ...], shared: int = 0) -> Kernels:
    """Load kernels of a file into the context of the current device, whose index keeps contexts apart.

    Parameters
    ----------
    index : int
        Number of the GPU.
    source : str
        A file of a package, ``package/name``, such as ``kernels/fused_baseline.cu``.
    names : tuple of str
        Of the kernels.
    shared : int
        Bytes of shared memory that a block may take.
    """
    torch.cuda.synchronize(index)  # makes the context of the device
    module = ctypes.c_void_p()
    capability = torch.cuda.get_device_capability(index)
    code = _compiled(source, capability, shared == EXACT_SHARED)
    drive("cuModuleLoadData", ctypes.byref(module), code)
    found = {name: ctypes.c_void_p() for name in names}
    for name, kernel in found.items():
        drive("cuModuleGetFunction", ctypes.byref(kernel), module, name.encode())
        if shared:
            drive("cuFuncSetAttribute", kernel, SHARED_LIMIT, shared)
    return found


def problem(index: int, load: Callable[[int], object]) -> str:
    """Return why kernels cannot be loaded on a GPU, in words; empty where they can."""
    try:
        with torch.cuda.device(index):
            load(index)
    except (OSError, RuntimeError) as error:
        return str(error).splitlines()[0]
    return ""


def launch(
    kernel: ctypes.c_void_p,
    grid: tuple[int, int],
    block: tuple[int, int],
    device: torch.device,
    arguments: Sequence[object],
) -> None:
    """Launch a kernel on the device's current stream.

    Parameters
    ----------
    kernel : c_void_p
        One of `kernels`.
    grid : tuple of int
        Blocks along x and y.
    block : tuple of int
        Threads of a block, and bytes of shared memory it takes.
    device : torch.device
        The GPU.
    arguments : sequence
        Tensors (as their addresses), ``None``, whole numbers (32 bits), floats and ctypes' own.
    """
    values = [_as_argument(argument) for argument in arguments]
    pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
    stream = ctypes.c_void_p(torch.cuda.current_stream(device).cuda_stream)
    threads, shared = block
    with torch.cuda.device(device):
        drive("cuLaunchKernel", kernel, *grid, 1, threads, 1, 1, shared, stream, pointers, None)


def _as_argument(value: object) -> Any:
    if isinstance(value, int):
        return ctypes.c_int(value)
    if isinstance(value, float):
        return ctypes.c_float(value)
    if isinstance(value, Tensor) or value is None:
        return ctypes.c_void_p(None if value is None else value.data_ptr())
    return value


@cache
def shared_memory(index: int) -> int:
    """Return the bytes of shared memory of a block; less than ``EXACT_SHARED`` costs accuracy."""
    torch.cuda.synchronize(index)
    device, offered = ctypes.c_int(), ctypes.c_int()
    drive("cuCtxGetDevice", ctypes.byref(device))
    drive("cuDeviceGetAttribute", ctypes.byref(offered), SHARED_OFFERED, device)
    return EXACT_SHARED if offered.value >= EXACT_SHARED else SHARED


@cache
def _compiled(source: str, capability: tuple[int, int], exact: bool) -> bytes:
    """Return machine code for a compute capability, which unlike PTX the driver need not compile."""
    library, program = _compiler(), ctypes.c_void_p()
    code, architecture = (PACKAGES / source).read_bytes(), "{}{}".format(*capability)
    header = (ctypes.c_char_p * 1)((PACKAGES / "kernels" / HEADER).read_bytes())
    names = (ctypes.c_char_p * 1)(HEADER.encode())
    _check(library.nvrtcCreateProgram(ctypes.byref(program), code, source.encode(), 1, header, names))
    flags = (f"--gpu-architecture=sm_{architecture}", f"-DEXACT={int(exact)}", "--std=c++17")
    options = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
    failed = library.nvrtcCompileProgram(program, len(flags), options)
    if failed:
        log = _result(program, "nvrtcGetProgramLog").decode(errors="replace").rstrip("\0").strip()
        raise RuntimeError(f"NVRTC: {log or f'error {failed}'}")
    code = _result(program, "nvrtcGetCUBIN")
    _check(library.nvrtcDestroyProgram(ctypes.byref(program)))
    return code


def _result(program: ctypes.c_void_p, function: str) -> bytes:
    size = ctypes.c_size_t()
    _check(getattr(_compiler(), f"{function}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(getattr(_compiler(), function)(program, buffer))
    return buffer.raw


def _check(code: int) -> None:
    if code:
        raise RuntimeError(f"NVRTC: error {code}")


@cache
def _compiler() -> ctypes.CDLL:
    for name in _compiler_names(str(torch.version.cuda).split(".", maxsplit=1)[0]):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError("NVRTC, CUDA's run-time compiler, is missing")


def _compiler_names(major: str) -> Iterator[str]:
    """Yield where torch's builds keep NVRTC: on the loader's path, in NVIDIA's wheels, in torch's own."""
    if sys.platform == "win32":
        yield f"nvrtc64_{major}0_0.dll"
    else:
        yield f"libnvrtc.so.{major}"
    packages = Path(torch.__file__).parents[1]
    for pattern in (f"nvidia/*/lib/libnvrtc.so.{major}*", "torch/lib/libnvrtc*", "torch/lib/nvrtc64*"):
        yield from sorted(str(path) for path in packages.glob(pattern) if "builtins" not in path.name)


@cache
def _driver() -> ctypes.CDLL:
    return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")


def drive(function: str, *arguments: object) -> None:
    """Call the driver; a code other than 0 becomes an error with the code's name."""
    code = getattr(_driver(), function)(*arguments)
    if code:
        name = ctypes.c_char_p()
        _driver().cuGetErrorName(code, ctypes.byref(name))
        raise RuntimeError(f"{function}: {(name.value or b'error').decode()} ({code})")
