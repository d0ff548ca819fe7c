"""A job of RELION: what its pipeline finds in the job's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import gemmi
import pytest

from cryoden.events.training import PhaseStarted
from cryoden.hosts.relion_job import ABORT, ENDINGS, AbortedError, Ending, RelionJob


@pytest.fixture
def job(tmp_path: Path) -> RelionJob:
    return RelionJob(tmp_path / "External" / "job012")


def marks(job: RelionJob) -> set[str]:
    return {path.name for path in job.folder.glob("RELION_JOB_*")}


def test_a_job_that_did_all_is_marked_so(job: RelionJob) -> None:
    with job.running():
        assert marks(job) == set()
    assert marks(job) == {"RELION_JOB_EXIT_SUCCESS"}


def test_a_job_of_which_something_failed_is_no_success(job: RelionJob) -> None:
    with job.running() as failures:
        failures.append("a.mrc")
    assert marks(job) == {"RELION_JOB_EXIT_FAILURE"}


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError, "RELION_JOB_EXIT_FAILURE"),
        (SystemExit, "RELION_JOB_EXIT_FAILURE"),
        (KeyboardInterrupt, "RELION_JOB_EXIT_ABORTED"),
        (AbortedError, "RELION_JOB_EXIT_ABORTED"),
    ],
)
def test_an_error_is_marked_and_passed_on(job: RelionJob, error: type[BaseException], name: str) -> None:
    with pytest.raises(error), job.running():
        raise error
    assert marks(job) == {name}


@pytest.mark.parametrize("before", ENDINGS)
def test_what_an_earlier_start_left_is_removed_when_a_job_begins(job: RelionJob, before: Ending) -> None:
    job.folder.mkdir(parents=True)
    job.mark(before).touch()
    (job.folder / ABORT).touch()  # asked when nobody listened any more
    with job.running():
        assert marks(job) == set()
        assert list(job.until_aborted([1, 2])) == [1, 2]


def test_a_job_ends_when_relion_asks_it_to_and_closes_what_it_does(job: RelionJob) -> None:
    seen, closed = [], []

    def events() -> Iterator[int]:
        try:
            for number in range(10):
                yield number
                seen.append(number)
                job.folder.joinpath(ABORT).touch() if number == 3 else None
        finally:
            closed.append(True)

    with pytest.raises(AbortedError), job.running():
        list(job.until_aborted(events()))
    assert (seen, closed) == ([0, 1, 2, 3], [True])
    assert marks(job) == {"RELION_JOB_EXIT_ABORTED"}


def test_a_training_past_its_first_phases_is_asked_to_end_and_what_it_says_then_is_passed_on(
    job: RelionJob,
) -> None:
    stop = Event()

    def events() -> Iterator[int]:
        yield 0
        job.folder.joinpath(ABORT).touch()
        yield 1
        yield -1 if stop.is_set() else 2

    with job.running():
        passed = job.until_aborted(events(), stop)
        assert [next(passed), next(passed), next(passed)] == [0, 1, -1]
        with pytest.raises(AbortedError):
            next(passed)
        with pytest.raises(AbortedError):
            next(job.until_aborted([PhaseStarted("reading")], Event()))


def test_output_nodes_are_read_back(job: RelionJob) -> None:
    with job.running():
        job.write_nodes({Path("External/job012/a b.star"): "MicrographGroupMetadata.star.relion"})
    (block,) = gemmi.cif.read(str(job.folder / "RELION_OUTPUT_NODES.star"))
    table = block.find("_rlnPipeLineNode", ["Name", "TypeLabel"])
    assert block.name == "output_nodes"
    assert [[value.strip("\"'") for value in row] for row in table] == [
        ["External/job012/a b.star", "MicrographGroupMetadata.star.relion"]
    ]
