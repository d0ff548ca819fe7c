"""What the system says without torch: GPUs, processors, and main memory that limits of a job leave us."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

UNKNOWN = 1 << 31  # bytes, where the system says nothing
# Folder of a control group, its limit, what is used of it, and what of that is cache and can be dropped.
GROUPS = {
    "": ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    "memory": (
        "sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
}


def gpus(root: Path = Path("/")) -> tuple[str, ...]:
    """Return what to call each of several NVIDIA GPUs, as Linux lists them; nothing where there is one."""
    folder = root / "proc/driver/nvidia/gpus"
    number = len(list(folder.iterdir())) if folder.is_dir() else 0
    return tuple(f"cuda:{index}" for index in range(number)) if number > 1 else ()


def cores() -> int:
    """Return how many processors this process may use."""
    own = getattr(os, "sched_getaffinity", None)
    return len(own(0)) if own else os.cpu_count() or 1


def shared_memory(name: str, library: str = "libnvidia-ml.so.1") -> int:
    """Return the free bytes of a GPU, 0 where it serves one process only, or where its driver does not say.

    Parameters
    ----------
    name : str
        ``GPU-`` and its UUID.
    library : str
        NVIDIA's management library, which asks the driver and takes no memory of the GPU.
    """
    handle, mode, memory = ctypes.c_void_p(), ctypes.c_uint(1), (ctypes.c_ulonglong * 3)()
    try:
        nvml = ctypes.CDLL(library)
        said = (
            nvml.nvmlInit_v2(),
            nvml.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle)),
            nvml.nvmlDeviceGetComputeMode(handle, ctypes.byref(mode)),
            nvml.nvmlDeviceGetMemoryInfo(handle, memory),  # all of it, what is free, what is used
        )
    except (OSError, AttributeError):
        return 0
    return 0 if any(said) or mode.value else memory[1]


def free_main_memory(root: Path = Path("/")) -> int:
    """Return the bytes of main memory a program can still take.

    Limits of Linux control groups, version 1 and 2, count as the machine's own: a job of a
    cluster or a container is killed beyond them, however much is free beside it.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` lie.
    """
    return max(0, min(_available(root), *_left_in_groups(root), _physical()))


def _available(root: Path) -> int:
    return 1024 * _named(root / "proc/meminfo", "MemAvailable:", UNKNOWN // 1024)


def _physical() -> int:
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):  # Windows
        return UNKNOWN
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _left_in_groups(root: Path) -> Iterator[int]:
    """Yield what each group this process is in leaves, up to the root of its hierarchy."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kinds, place = line.split(":", 2)
        kind = "memory" if "memory" in kinds.split(",") else kinds
        if kind in GROUPS:
            mount, *names = GROUPS[kind]
            inside = Path(place.lstrip("/"))
            yield from (_left(root / mount / folder, *names) for folder in (inside, *inside.parents))


def _left(folder: Path, limit: str, usage: str, cache: str) -> int:
    most, used = (_text(folder / name).strip() for name in (limit, usage))
    if not most.isdecimal() or not used.isdecimal():  # "max", or a folder that a container does not see
        return 1 << 62
    return int(most) - int(used) + _named(folder / "memory.stat", cache, 0)


def _named(path: Path, name: str, otherwise: int) -> int:
    """Return the number beside a name in a file of names and numbers."""
    lines = (line.split() for line in _text(path).splitlines())
    return next((int(words[1]) for words in lines if words[0] == name), otherwise)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
