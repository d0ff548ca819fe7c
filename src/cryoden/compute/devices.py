"""What the machine offers: device, number format, free memory, reproducible kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cryoden.compute.memory import free_main_memory
from cryoden.errors import SettingsError, is_out_of_memory
from cryoden.settings.denoising import DenoisingPrecision
from cryoden.settings.fields import Device, Precision

PARTS, LITTLE = 8, 1 << 16  # of a transfer to a GPU; values that are sent as one
CPU_TILE_MEMORY = 15 << 25  # a laptop must stay usable while it denoises


def resolve(device: Device) -> torch.device:
    """Return the torch device for a choice, and make a GPU of several the current one of this thread.

    ``auto`` takes CUDA, then Apple's MPS, then the CPU; ``cuda:1`` or ``1`` is the second GPU, and
    ``cuda`` the first, whichever this thread has used before.

    Raises
    ------
    SettingsError
        S02 when the chosen device is not there.
    """
    chosen = torch.device(named(device))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)  # for what takes the current one: compiled kernels, free memory
    return chosen


def named(device: Device) -> str:
    """Return the full name of a choice, as in `found`; raise S02 when it is not there."""
    there = found()
    number = f"cuda:{int(device)}" if device.isdecimal() else device
    name = {"auto": there[0], "cuda": "cuda:0"}.get(number, number)
    if name not in there:
        problem = f"device = {number} is not there (found: {', '.join(there)})"
        raise SettingsError("S02", None, problem, fix="Choose auto")
    return name


def found() -> list[str]:
    """Return the names of all devices that are there, the CPU last."""
    number = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [
        *(f"cuda:{index}" for index in range(number)),
        *(["mps"] if torch.backends.mps.is_available() else []),
        "cpu",
    ]


def describe(device: torch.device) -> str:
    """Return the device's name as a person knows it; of several GPUs its number, too."""
    if device.type == "cuda":
        number = str(device).partition(":")[2] or torch.cuda.current_device()
        return f"{torch.cuda.get_device_name(device)} (cuda:{number})"
    if device.type != "cpu":
        return device.type.upper()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def denoising_format(precision: DenoisingPrecision, device: torch.device) -> torch.dtype:
    """Return the number format a network denoises in: on CUDA float16, which rounds as TensorFloat-32."""
    if precision == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[precision]


def number_format(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the number format a network is trained in on this device.

    bfloat16 only where it is computed in hardware: elsewhere it is emulated and slower.
    """
    if precision != "auto":
        return torch.float32 if precision == "float32" else torch.bfloat16
    if device.type == "cuda":
        gains = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        gains = device.type == "cpu" and _has_bf16_library() and _has_bf16_arithmetic()
    return torch.bfloat16 if gains else torch.float32


def _has_bf16_library() -> bool:
    """Tell whether torch has oneDNN, which it lacks on Apple silicon, and that computes bfloat16."""
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return supported is not None and bool(supported())


def _has_bf16_arithmetic() -> bool:
    if not hasattr(torch.cpu, "get_capabilities"):  # before torch 2.11 nothing says it
        return False
    flags = torch.cpu.get_capabilities()
    return bool(flags.get("avx512_bf16") or flags.get("amx_bf16"))


def free_memory(device: torch.device) -> int:
    """Return the bytes a tile may use on this device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min(CPU_TILE_MEMORY, free_main_memory() // 2)


def memory_held(device: torch.device) -> tuple[int, int] | None:
    """Return the most bytes this process has held on a GPU, and the bytes it has; ``None`` elsewhere."""
    if device.type != "cuda":
        return None
    return torch.cuda.max_memory_reserved(device), torch.cuda.get_device_properties(device).total_memory


def give_back() -> None:
    """Hand memory of GPUs that nobody uses any more back to other programs."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
        for index in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(index)


def sent(pixels: NDArray[np.float32], device: torch.device, place: Tensor | None = None) -> Tensor:
    """Return the pixels on the device; on the CPU they are shared, not copied.

    To an NVIDIA GPU they go from page-locked memory, or through it in parts, so that one part is on its
    way while the next is copied: twice as fast as a plain copy, or more. There they go to a ``place``,
    where one is given. Nothing waits: page-locked pixels must stay as they are until the GPU is done.
    """
    usable = pixels.flags.writeable and pixels.flags.c_contiguous  # torch warns of read-only memory
    source = torch.from_numpy(pixels if usable else pixels.copy())
    if device.type != "cuda":
        return source.to(device)
    target = torch.empty(source.shape, device=device) if place is None else place
    if source.is_pinned():
        return target.copy_(source, non_blocking=True)
    parts = PARTS if source.numel() > LITTLE else 1
    for part, there in zip(source.chunk(parts), target.chunk(parts), strict=True):
        there.copy_(torch.empty(part.shape, pin_memory=True).copy_(part), non_blocking=True)
    return target


def page_locked(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return an empty array that `sent` need not copy; once it is dropped, torch gives its pages again."""
    return torch.empty(shape, pin_memory=True).numpy()


def fetched(image: Tensor) -> NDArray[np.float32]:
    """Return a float32 tensor as an array.

    From an NVIDIA GPU it comes straight into page-locked memory, which the array keeps until it is
    dropped; torch then hands the same pages to the next result.
    """
    if image.device.type != "cuda":
        return image.cpu().numpy()
    pixels = torch.empty(image.shape, pin_memory=True).copy_(image, non_blocking=True)
    torch.cuda.current_stream(image.device).synchronize()
    return pixels.numpy()


def later(found: Tensor) -> Callable[[], Tensor]:
    """Return what gives a small result on the CPU once it is asked for.

    From an NVIDIA GPU the copy is on its way at once, and what is launched meanwhile is not waited for.
    """
    if found.device.type != "cuda":
        return found.cpu
    copy = torch.empty(found.shape, dtype=found.dtype, pin_memory=True).copy_(found, non_blocking=True)
    there = torch.cuda.current_stream(found.device).record_event()

    def waited() -> Tensor:
        there.synchronize()
        return copy

    return waited


def mark(device: torch.device) -> Callable[[], None]:
    """Return what waits until the device has finished everything queued so far."""
    if device.type != "cuda":
        return lambda: None
    there = torch.cuda.current_stream(device).record_event()
    return there.synchronize  # type: ignore[no-any-return]  # torch leaves events untyped


@contextmanager
def out_of_memory_caught() -> Iterator[None]:
    """Swallow running out of memory, which the CPU allocator reports as a plain RuntimeError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise


class _Shared:
    """cuDNN's flags, which belong to the whole process: the first that asks sets, the last restores them.

    So denoising and training at once do not take them from each other.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._flags = Lock(), 0, ExitStack()

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._flags.enter_context(
                    torch.backends.cudnn.flags(
                        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
                    )
                )
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._flags.close()


_SHARED = _Shared()


@contextmanager
def reproducible() -> Iterator[None]:
    """Keep cuDNN to kernels that give the same sums each time. Never yield events inside it.

    TensorFloat-32 is off: it rounds float32 to 10 bits, and tiles would differ by 0.001 σ.
    """
    _SHARED.enter()
    try:
        yield
    finally:
        _SHARED.leave()
