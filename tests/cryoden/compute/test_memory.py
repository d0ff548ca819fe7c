from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cryoden.compute.memory import free_main_memory, gpus, shared_memory

MIB = 1 << 20


def machine(root: Path, groups: str, **files: str) -> Path:
    """Make the files of a machine with 8,000 MiB available, in which a process is in control groups."""
    known = {"proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 8192000 kB\n", "proc/self/cgroup": groups}
    for name, text in (known | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def group(folder: str, names: tuple[str, str], limit: str, used: int, cache: str) -> dict[str, str]:
    found = zip(names, (limit, str(used * MIB)), strict=True)
    return {f"sys/fs/cgroup/{folder}{name}": f"{text}\n" for name, text in found} | {
        f"sys/fs/cgroup/{folder}memory.stat": f"anon 5\n{cache} {100 * MIB}\n"
    }


V2, V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


def test_without_groups_it_is_what_the_system_says(tmp_path: Path) -> None:
    assert free_main_memory(machine(tmp_path, "0::/\n")) == 8000 * MIB


def test_the_tightest_group_above_a_job_counts_and_its_cache_is_free(tmp_path: Path) -> None:
    files = group("jobs/7/", V2, "max", 300, "inactive_file")
    files |= group("jobs/", V2, str(1000 * MIB), 400, "inactive_file")
    assert free_main_memory(machine(tmp_path, "0::/jobs/7\n", **files)) == 700 * MIB


def test_groups_of_the_first_version_count_too(tmp_path: Path) -> None:
    files = group("memory/job/", V1, str(2000 * MIB), 400, "total_inactive_file")
    groups = "5:cpu,cpuacct:/job\n4:memory:/job\n1:name=systemd:/job\n"
    assert free_main_memory(machine(tmp_path, groups, **files)) == 1700 * MIB


def test_a_container_that_does_not_see_its_own_place_is_held_by_the_group_at_the_root(tmp_path: Path) -> None:
    files = group("", V2, str(500 * MIB), 450, "inactive_file")
    assert free_main_memory(machine(tmp_path, "0::/outside/pod\n", **files)) == 150 * MIB


@pytest.mark.parametrize("used", [600, 2000])
def test_nothing_is_left_where_a_limit_is_used_up(tmp_path: Path, used: int) -> None:
    files = group("", V2, str(500 * MIB), used, "inactive_file")
    assert free_main_memory(machine(tmp_path, "0::/\n", **files)) == 0


def test_where_nothing_is_known_something_is_assumed(tmp_path: Path) -> None:
    assert 0 < free_main_memory(tmp_path) <= 1 << 31


@pytest.mark.parametrize(("number", "named"), [(0, ()), (1, ()), (3, ("cuda:0", "cuda:1", "cuda:2"))])
def test_several_gpus_are_named_by_their_numbers(tmp_path: Path, number: int, named: tuple[str, ...]) -> None:
    for card in range(number):
        (tmp_path / "proc/driver/nvidia/gpus" / f"0000:{card:02x}:00.0").mkdir(parents=True)
    assert gpus(tmp_path) == named


DRIVER = """
#include <string.h>
static const char *names[] = {"GPU-free", "GPU-alone"};
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByUUID(const char *name, void **handle) {
    for (int at = 0; at < 2; at++) if (!strcmp(name, names[at])) { *handle = (void *)names[at]; return 0; }
    return 6;
}
int nvmlDeviceGetComputeMode(void *handle, unsigned *mode) {
    *mode = handle == names[1] ? 3 : 0;
    return handle ? 0 : 2;
}
int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *memory) {
    memory[0] = 80ULL << 30, memory[1] = 50ULL << 30, memory[2] = 30ULL << 30;
    return handle ? 0 : 2;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize(("gpu", "free"), [("GPU-free", 50 << 30), ("GPU-alone", 0), ("GPU-gone", 0)])
def test_memory_that_several_processes_can_share_is_what_the_driver_says_is_free(
    tmp_path: Path, gpu: str, free: int
) -> None:
    library = tmp_path / "driver.so"
    own = [str(shutil.which("cc")), "-shared", "-fPIC", "-x", "c", "-o", str(library), "-"]
    subprocess.run(own, input=DRIVER, text=True, check=True)
    assert shared_memory(gpu, str(library)) == free


def test_without_a_driver_no_gpu_is_shared(tmp_path: Path) -> None:
    assert shared_memory("GPU-free", str(tmp_path / "none.so")) == 0
