"""Jobs of a cluster's queue that start Dask workers, described as Dask's own configuration describes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dask
import dask_jobqueue
import yaml

from cryoden.errors import SettingsError, printable

SYSTEMS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
    "moab": "MoabCluster",
    "oar": "OARCluster",
}
USUAL = {
    "processes": 1,  # one model in memory for each job
    "death-timeout": 300,  # s until a worker ends that has lost its scheduler
    "scheduler-options": {"dashboard_address": "127.0.0.1:0"},  # any port; its pages ask nobody who they are
}


def described(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the system that a file names, and the options of its jobs.

    Raises
    ------
    SettingsError
        C02 for a file that cannot be read or describes no jobs.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _refused(path, f"cannot be read: {' '.join(str(error).split())}") from error
    systems = found.get("jobqueue") if isinstance(found, Mapping) else None
    if not isinstance(systems, Mapping) or len(systems) != 1:
        raise _refused(path, "has no 'jobqueue:' with one system below it")
    (system, options), *_ = systems.items()
    if system not in SYSTEMS or not isinstance(options, Mapping):
        names = ", ".join(SYSTEMS)
        raise _refused(path, f"'{printable(str(system))}' is no system with options (known: {names})")
    missing = [name for name in ("cores", "memory") if name not in options]
    if missing:
        raise _refused(path, f"does not say how much a job has: no {' and no '.join(missing)}")
    keys = {"shared-temp-directory": str(Path.cwd())}  # of the connection, for this user alone to read
    return system, USUAL | keys | dict(options)


def started(path: Path, held: ExitStack) -> tuple[Any, str]:
    """Return a cluster without jobs yet, which end with ``held``, and the system's name.

    Raises
    ------
    SettingsError
        C02, see `described`, and for options that the system does not take.
    """
    system, options = described(path)
    held.enter_context(
        dask.config.set({f"jobqueue.{system}.{name}": value for name, value in options.items()})
    )
    try:
        kind = getattr(dask_jobqueue, SYSTEMS[system])
        cluster = held.enter_context(kind(security=True, silence_logs=logging.CRITICAL))
    except (TypeError, ValueError) as error:
        raise _refused(path, f"describes no job of {system}: {' '.join(str(error).split())}") from error
    for file in [value for name, value in vars(cluster).items() if name.startswith("_job_")]:
        held.callback(getattr(file, "close", int))  # files of keys, which go as they are closed
    return cluster, system


def _refused(path: Path, problem: str) -> SettingsError:
    return SettingsError("C02", path, problem, fix="See docs/cluster.md for an example")
