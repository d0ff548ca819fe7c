"""A job of RELION as its pipeline sees it: output nodes, marks of how it ended, and requests to abort.

Contract: RELION's documentation, "Using RELION", External jobs; ``pipeline_control.cpp``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from threading import Event as Stop
from typing import Literal, TypeVar

from cryoden.dataset.output_paths import make_folder
from cryoden.dataset.star_columns import quoted
from cryoden.events.closing import closed
from cryoden.events.training import PhaseStarted
from cryoden.io.atomic import atomic_write, not_written

Event = TypeVar("Event")
Ending = Literal["SUCCESS", "FAILURE", "ABORTED"]
ENDINGS: tuple[Ending, ...] = ("SUCCESS", "FAILURE", "ABORTED")
ABORT = "RELION_JOB_ABORT_NOW"
NODES = "RELION_OUTPUT_NODES.star"
# By `rlnPipeLineNodeTypeLabel`, which RELION 4 and 5 read; the numbers of 3.1 are no longer looked at.
MICROGRAPHS, MODEL = "MicrographGroupMetadata.star.relion", "MlModel.safetensors.cryoden"


class AbortedError(Exception):
    """RELION asked the job to abort."""


class RelionJob:
    """A folder of a RELION project in which one job keeps all its output.

    Parameters
    ----------
    folder : Path
        Such as ``External/job012/``, from the project's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mark(self, ending: Ending) -> Path:
        """Return the file that says how the job ended."""
        return self.folder / f"RELION_JOB_EXIT_{ending}"

    @contextmanager
    def running(self) -> Iterator[list[str]]:
        """Mark how the job ended, however it does; what is put into the list makes it a failure.

        Raises
        ------
        OutputError
            O06 when the folder cannot be made.
        """
        make_folder(self.folder)
        self._clear()
        failures: list[str] = []
        try:
            yield failures
        except (AbortedError, KeyboardInterrupt):
            self._end("ABORTED")
            raise
        except BaseException:
            self._end("FAILURE")
            raise
        self._end("FAILURE" if failures else "SUCCESS")

    def until_aborted(self, events: Iterable[Event], stop: Stop | None = None) -> Iterator[Event]:
        """Pass events on until RELION asks to abort; what makes them is closed then.

        A training that is past its first phases is asked by ``stop`` to end, so that it can be resumed.

        Raises
        ------
        AbortedError
            When it asks, or when ``stop`` was set by someone else.
        """
        with closed(events):
            for event in events:
                self._heed_abort(None if isinstance(event, PhaseStarted) else stop)
                yield event
        if stop is not None and stop.is_set():
            raise AbortedError

    def write_nodes(self, nodes: Mapping[Path, str]) -> None:
        """Say which files are output, and of which type, to jobs that come after.

        Raises
        ------
        OutputError
            O02 to O06 when it cannot be written.
        """
        rows = [f"{quoted(path.as_posix())} {kind} \n" for path, kind in nodes.items()]
        head = "\n# version 30001\n\ndata_output_nodes\n\nloop_ \n"
        labels = "_rlnPipeLineNodeName #1 \n_rlnPipeLineNodeTypeLabel #2 \n"
        with atomic_write(self.folder / NODES, overwrite=True) as part:
            part.write_text("".join([head, labels, *rows, " \n"]), encoding="utf-8")

    def _heed_abort(self, stop: Stop | None) -> None:
        """End what runs where RELION asks to: by an error, or by ``stop`` where there is one."""
        if (self.folder / ABORT).exists():
            if stop is None:
                raise AbortedError
            stop.set()

    def _clear(self) -> None:
        """Remove what an earlier start of the job left: RELION takes its mark for that of this one."""
        for path in (self.folder / ABORT, *map(self.mark, ENDINGS)):
            path.unlink(missing_ok=True)

    def _end(self, ending: Ending) -> None:
        with suppress(OSError):
            (self.folder / ABORT).unlink(missing_ok=True)
        try:
            self.mark(ending).touch()
        except OSError as error:
            if ending == "SUCCESS":  # else a full disk would hide why the job ended
                raise not_written(self.mark(ending), error) from error


def refused(arguments: Sequence[str]) -> None:
    """Mark a job whose command line was refused as a failure: RELION waits for a mark."""
    folder = Path(next((value for label, value in pairwise(arguments) if label == "--o"), ""))
    if "relion" in arguments and folder.name and folder.is_dir():
        RelionJob(folder).mark("FAILURE").touch()
