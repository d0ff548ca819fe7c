"""Where workers come from: this machine, a Dask cluster that runs, or jobs of a queue."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch

from cryoden.compute import devices
from cryoden.compute.device_list import device_list
from cryoden.compute.memory import cores, free_main_memory, shared_memory
from cryoden.errors import CryodenError, SettingsError
from cryoden.settings.fields import Device
from cryoden.settings.workers import WorkerSettings

if TYPE_CHECKING:
    from distributed import Client

    from cryoden.compute.crew import Crew

NEEDED = ("distributed", "dask_jobqueue", "cryptography")
CONNECTED = 30  # s to wait for a scheduler
RESTARTED = 120  # s in which processes that died are started again, on a busy machine
EACH_CORES, EACH_MEMORY, EACH_GPU_MEMORY = 8, 16 << 30, 36 << 30  # of a GPU that two processes share, free
ONE = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
CONFIGURED = {
    "distributed.scheduler.allowed-failures": 1,  # processes a task may cost until its files are tried alone
    # One thread of libraries until torch is given its own; memory as in any other process, which Dask trims.
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(ONE, "1"),
    "distributed.worker.profile.enabled": False,  # which interrupts all threads a hundred times a second
    "distributed.deploy.lost-worker-timeout": f"{RESTARTED}s",  # until one that is being started is given up
}


def local(asked: WorkerSettings, device: Device) -> tuple[Device, ...]:
    """Return the device of each worker on this machine; none where they are elsewhere.

    Raises
    ------
    SettingsError
        S02 for a device that is not there, S03 when ``device`` says otherwise.
    """
    if asked.devices and device != "auto":
        problem = f"--devices {asked.devices} and --device {device} were given"
        raise SettingsError("S03", None, problem, fix="Give one of them")
    if asked.workers and devices.named(device if device != "auto" else "cpu") != "cpu":
        problem = f"--workers {asked.workers} and --device {device} were given"
        raise SettingsError("S03", None, problem, fix="Give the GPUs of workers with --devices")
    if asked.devices:
        return device_list(asked.devices) * max(1, asked.workers)
    if asked.workers:
        return ("cpu",) * asked.workers
    return () if asked.scheduler or asked.scheduler_file or asked.cluster else (device,)


def sharing_gpus(asked: WorkerSettings) -> WorkerSettings:
    """Return the same, with two processes for each of several GPUs that have room for them.

    While the interpreter of one reads, writes and launches, the other's does, too.
    """
    gpus = local(asked, "auto") if asked.devices and not asked.workers else ()
    if len(gpus) < 2 or cores() < EACH_CORES * len(gpus) or free_main_memory() < EACH_MEMORY * len(gpus):
        return asked
    names = [f"GPU-{torch.cuda.get_device_properties(torch.device(gpu)).uuid}" for gpu in gpus]
    return replace(asked, workers=2) if min(map(shared_memory, names)) >= EACH_GPU_MEMORY else asked


@contextmanager
def hired(asked: WorkerSettings, device: Device) -> Iterator[Crew]:
    """Give workers, which end with the block where they were started for it.

    Raises
    ------
    SettingsError
        See `local`; S06 when Dask is not installed, C02 for a file that describes no jobs.
    CryodenError
        C01 when a scheduler does not answer.
    """
    places = local(asked, device)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        problem = f"{' and '.join(missing)} is needed for several workers, and is not installed"
        raise SettingsError("S06", None, problem, fix="pip install 'napari-cryoden[cluster]'")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it says comes as errors, too
    with ExitStack() as held:
        if places:
            yield _of_this_machine(places, held)
        elif asked.cluster:
            yield _of_a_queue(Path(asked.cluster), asked.jobs, held)
        else:
            yield _of_a_scheduler(asked, held)


def _of_this_machine(places: tuple[Device, ...], held: ExitStack) -> Crew:
    import dask  # noqa: PLC0415  not installed everywhere
    from distributed import Client, LocalCluster  # noqa: PLC0415  the same

    from cryoden.compute.crew import Crew  # noqa: PLC0415  the same
    from cryoden.compute.worker_side import Placed  # noqa: PLC0415  the same

    held.enter_context(dask.config.set(CONFIGURED))
    cluster = LocalCluster(
        n_workers=len(places),
        threads_per_worker=1 if "cpu" in places else 2,
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        security=True,  # without it whoever is on this machine could have anything done by the workers
        silence_logs=logging.CRITICAL,
    )
    client = held.enter_context(Client(held.enter_context(cluster), set_as_default=False))
    held.callback(_dismiss, cluster)
    client.register_plugin(Placed(places, max(1, cores() // len(places))))
    gpus = tuple(dict.fromkeys(places))
    each = len(places) // len(gpus)
    words = ", ".join(gpus) + (f", {each} processes each" if each > 1 else "")
    words = f"{len(places)} processes on the CPU" if "cpu" in places else words
    crew = Crew(client, words, _dashboard(client), RESTARTED, partial(_replace, cluster, n=len(places)))
    crew.on_gpus, crew.per_gpu = "cpu" not in places, 1 if "cpu" in places else each
    return crew


def _dashboard(client: Client) -> str:
    """Return where the pages of a scheduler of this process are; without bokeh it has none."""
    return str(client.dashboard_link) if find_spec("bokeh") else ""


def _replace(cluster: Any, **number: int) -> None:
    """Start workers in the place of those that ended, or that could not be started."""
    for name, worker in list(cluster.workers.items()):
        if worker.status.name in {"closed", "failed"}:
            cluster.workers.pop(name, None)
    cluster.scale(**number)


def _dismiss(cluster: Any) -> None:
    """Kill workers, which are done or are not wanted to be: to end by themselves takes them seconds."""
    for nanny in cluster.workers.values():
        nanny.auto_restart = False
    for pid in filter(None, [nanny.pid for nanny in cluster.workers.values()]):
        with suppress(psutil.Error):
            psutil.Process(pid).kill()


def _of_a_scheduler(asked: WorkerSettings, held: ExitStack) -> Crew:
    from distributed import Client  # noqa: PLC0415  not installed everywhere

    from cryoden.compute.crew import Crew  # noqa: PLC0415  the same

    try:
        address = asked.scheduler or _address_in(Path(asked.scheduler_file))
        client = held.enter_context(Client(address, timeout=CONNECTED, set_as_default=False))
    except (OSError, ValueError, KeyError, TypeError) as error:
        name, reason = asked.scheduler or asked.scheduler_file, str(error).splitlines()
        problem = f"no Dask scheduler answers: {reason[0] if reason else type(error).__name__}"
        raise CryodenError("C01", name, problem, fix="Start it with `dask scheduler`") from error
    return Crew(client, f"Dask scheduler {client.scheduler.address}", client.dashboard_link)


def _address_in(file: Path) -> str:
    """Return the address that a scheduler has written; Dask itself would wait for the file without end."""
    return str(json.loads(file.read_text(encoding="utf-8"))["address"])


def _of_a_queue(path: Path, jobs: int, held: ExitStack) -> Crew:
    from distributed import Client  # noqa: PLC0415  not installed everywhere

    from cryoden.compute.crew import Crew  # noqa: PLC0415  the same
    from cryoden.compute.job_queue import started  # noqa: PLC0415  the same

    cluster, system = started(path, held)
    cluster.scale(jobs=jobs)
    client = held.enter_context(Client(cluster, set_as_default=False))
    words = f"{jobs} {'jobs' if jobs > 1 else 'job'} of {system}"
    return Crew(client, words, _dashboard(client), replace=partial(_replace, cluster, jobs=jobs))
