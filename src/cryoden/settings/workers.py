"""On how many GPUs, processors and machines to work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cryoden.errors import SettingsError
from cryoden.settings.fields import Setting, check

ONE_OF = ("devices", "workers", "scheduler", "scheduler_file", "cluster")


@dataclass(frozen=True)
class WorkerSettings:
    """Where the work is done: by this process, or by workers, which take turns at what there is to do.

    No more than one of the first five says where workers are; of GPUs ``workers`` says how many each has.
    """

    devices: Annotated[
        str,
        Setting(
            "GPUs of this machine, each with processes: all, or numbers as RELION takes them, 0,1 or 0:1",
            pattern=r"(|all|(cuda:)?\d{1,3}([,:]\s*(cuda:)?\d{1,3})*)",
            expects="all, or numbers with commas or colons between them",
        ),
    ] = ""
    workers: Annotated[
        int,
        Setting(
            "Worker processes on this machine's processors, or with --devices on each GPU; 0 = what suits",
            "",
            0,
            1024,
            1,
        ),
    ] = 0
    scheduler: Annotated[str, Setting("Address of a running Dask scheduler, such as tcp://node1:8786")] = ""
    scheduler_file: Annotated[
        str, Setting("File in which a running Dask scheduler has written its address")
    ] = ""
    cluster: Annotated[
        str, Setting("YAML file that describes a job of SLURM, PBS, SGE or LSF, each with its Dask workers")
    ] = ""
    jobs: Annotated[int, Setting("Jobs to start with the file of --cluster", "jobs", 1, 10_000, 1)] = 1

    def __post_init__(self) -> None:
        check(self)
        chosen = [name for name in ONE_OF if getattr(self, name)]
        given = ["--" + name.replace("_", "-") for name in chosen if chosen != ["devices", "workers"]]
        if len(given) > 1:
            problem = f"{' and '.join(given)} were given"
            raise SettingsError("S03", None, problem, fix="Give one of them")
        if self.jobs > 1 and not self.cluster:
            raise SettingsError("S03", None, "--jobs was given without --cluster", fix="Give both")
