"""Batches of which several files are read, denoised and written at once, on real files."""

from __future__ import annotations

import errno
import os
import stat
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import mrcfile
import numpy as np
import pytest

from cryoden.denoising.denoise import Denoiser
from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    DenoisingEvent,
    FileFailed,
    FileFinished,
    FileStarted,
    FileWaiting,
)
from cryoden.io import mrc
from cryoden.io.claim import ENDING, beside, claim
from cryoden.micrograph import Micrograph
from cryoden.model import checkpoint
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows import overlapped
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.lanes import IN_LINE, Lanes
from tests.cryoden.denoising.test_denoise import model as random_model
from tests.cryoden.scenes import scene

LANES = Lanes(ahead=3, writers=2)
BESIDE = Lanes(ahead=3, writers=3, at_work=2)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    checkpoint.write(random_model("baseline"), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Ten micrographs in a folder."""
    (tmp_path / "in").mkdir()
    paths = [tmp_path / "in" / f"m{number}.mrc" for number in range(10)]
    for number, path in enumerate(paths):
        mrc.write(path, scene(number).even.data, pixel_size=1.5, label="made for a test")
    return paths


def begun(
    files: list[Path], model: Path, lanes: Lanes = LANES, folder: str = "out", **settings: Any
) -> Generator[BatchEvent, None, None]:
    batch = BatchRequest(model, replace(DenoisingSettings(device="cpu", tile=128), **settings))
    events = denoise_files(files, model.parent / folder, batch, lanes)
    return cast("Generator[BatchEvent, None, None]", events)


def over(*arguments: Any, **named: Any) -> tuple[list[BatchEvent], BatchFinished]:
    *events, ended = begun(*arguments, **named)
    assert isinstance(ended, BatchFinished)
    return events, ended


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def of(kind: type[Any], events: list[BatchEvent]) -> list[str]:
    return [event.path.name for event in events if isinstance(event, kind)]


def on_fsync(monkeypatch: pytest.MonkeyPatch, call: Callable[[int], object]) -> None:
    """Call with the number of each file, not folder, that is forced to disk, from 0, before it is."""
    fsync, numbers, lock = os.fsync, iter(range(1000)), threading.Lock()

    def watched(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            with lock:
                number = next(numbers)
            call(number)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)


def slow(number: int) -> None:
    """Take longer to force the first two files to disk than to denoise all others."""
    if number < 2:
        np.linalg.svd(np.random.default_rng(number).normal(size=(1200, 1200)))


@pytest.mark.parametrize("lanes", [LANES, BESIDE])
def test_results_are_those_of_one_file_after_the_other(files: list[Path], model: Path, lanes: Lanes) -> None:
    overlapping, _ = over(files, model, lanes, confidence=True)
    in_line, _ = over(files, model, IN_LINE, "in_line", confidence=True)
    assert contents(model.parent / "out") == contents(model.parent / "in_line")
    assert of(FileFinished, overlapping) == of(FileFinished, in_line) == [path.name for path in files]


@pytest.mark.parametrize("lanes", [LANES, BESIDE, IN_LINE])
def test_a_fault_in_any_stage_names_its_file_and_costs_no_other(
    files: list[Path], model: Path, lanes: Lanes
) -> None:
    unread, unwritten, refused = files[0], files[4], files[9]
    unread.write_bytes(unread.read_bytes()[:5000])
    mrc.write(unwritten, 1e6 * scene(4).even.data, pixel_size=1.5, label="beyond float16")
    spike = np.zeros((160, 192), np.float32)
    spike[80, 80] = 1
    mrc.write(refused, spike, pixel_size=1.5, label="nothing but a spike")
    events, ended = over(files, model, lanes, pixel_format="float16")
    failed = {event.path: event.message for event in events if isinstance(event, FileFailed)}
    assert {path: message[:3] for path, message in failed.items()} == {
        unread: "F03", unwritten: "O13", refused: "F25",
    }  # fmt: skip
    assert (ended.finished, ended.failed, ended.untried) == (7, (unread, unwritten, refused), 0)
    assert len(contents(model.parent / "out")) == 7


@pytest.mark.parametrize("lanes", [LANES, BESIDE])
def test_a_batch_that_is_canceled_leaves_whole_results_and_the_rest_undone(
    files: list[Path], model: Path, lanes: Lanes
) -> None:
    events = begun(files, model, lanes)
    next(events)
    while len(list((model.parent / "out").glob("*_denoised.mrc"))) < 2:
        next(events)
    events.close()
    made = sorted((model.parent / "out").iterdir())
    assert 2 <= len(made) < len(files)
    assert all(path.name.endswith("_denoised.mrc") and mrcfile.validate(path) for path in made)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cryoden-")]
    assert over(files, model)[1].skipped == len(made)


def test_a_batch_that_is_paused_reads_no_more_than_what_it_had_begun(files: list[Path], model: Path) -> None:
    events = begun(files, model)
    while not isinstance(next(events), FileStarted):
        pass
    next(events)
    list(begun(files, model, IN_LINE, "meanwhile"))  # as long as it takes to make all ten
    claims = [path for path in (model.parent / "out").iterdir() if path.name.endswith(ENDING)]
    assert len(claims) == 1 + LANES.ahead
    events.close()
    assert not contents(model.parent / "out")


@pytest.mark.parametrize(("most_bytes", "ahead", "writers"), [(1 << 29, 3, 2), (1, 1, 1)])
def test_no_more_micrographs_are_in_memory_than_lanes_and_bytes_let(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch, most_bytes: int, ahead: int, writers: int
) -> None:
    monkeypatch.setattr(overlapped, "MOST_BYTES", most_bytes)
    alive: weakref.WeakSet[Micrograph] = weakref.WeakSet()
    lock, most, make = threading.Lock(), 0, Micrograph.__init__

    def counted(micrograph: Micrograph, *arguments: Any, **named: Any) -> None:
        nonlocal most
        make(micrograph, *arguments, **named)
        with lock:
            alive.add(micrograph)
            most = max(most, len(alive))

    monkeypatch.setattr(Micrograph, "__init__", counted)
    on_fsync(monkeypatch, slow)
    over(files, model)
    assert most > 2
    assert most <= ahead + 1 + 1 + writers  # read ahead, denoised, its result, and results being written


def test_a_result_is_on_disk_before_it_has_its_name_and_whole_when_it_has(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, rename = os.fsync, Path.replace
    forced: set[int] = set()

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        forced.add(os.fstat(descriptor).st_ino)

    def renamed(part: Path, final: Path) -> Path:
        assert part.stat().st_ino in forced
        assert mrcfile.validate(part)
        return rename(part, final)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(Path, "replace", renamed)
    _, ended = over(files, model)
    assert ended.finished == len(files)


def test_one_file_is_forced_to_disk_while_another_is(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=60)
    on_fsync(monkeypatch, lambda _: both.wait())
    _, ended = over(files, model)
    assert ended.finished == len(files)


def test_a_file_that_takes_long_to_write_is_still_reported_in_its_turn(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, rename = threading.Event(), Path.replace

    def renamed(part: Path, final: Path) -> Path:
        assert final.name != "m0_denoised.mrc" or second.wait(300)
        made = rename(part, final)
        if final.name == "m1_denoised.mrc":
            second.set()
        return made

    monkeypatch.setattr(Path, "replace", renamed)
    events, _ = over(files, model)
    assert of(FileFinished, events) == [path.name for path in files]


def test_no_more_results_than_writers_wait_to_be_reported(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_fsync(monkeypatch, lambda number: slow(number) if number == 0 else None)
    reported = most = 0
    for event in begun(files, model):
        reported += isinstance(event, FileFinished)
        made = len(list((model.parent / "out").glob("*_denoised.mrc")))
        most = max(most, made - reported)
    assert reported == len(files)
    assert most <= LANES.writers


def test_on_a_full_disk_the_file_in_hand_is_given_up_and_no_other_is_begun(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        if number == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    on_fsync(monkeypatch, full)
    events, ended = over(files, model, Lanes(3, 1))
    assert [path.name for path in ended.failed] == ["m1.mrc"]
    assert (ended.why_untried, ended.finished + ended.untried) == ("disk full", len(files) - 1)
    assert len(of(FileStarted, events)) <= 4
    assert len(contents(model.parent / "out")) == ended.finished < 4


def test_what_another_process_makes_comes_last_and_is_waited_for(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryoden.workflows.batch.WAIT", 0.0)
    (model.parent / "out").mkdir()
    held = claim(beside(model.parent / "out" / "m0_denoised.mrc"))
    assert held is not None
    events: list[BatchEvent] = []
    for event in begun(files, model):
        events.append(event)
        if of(FileWaiting, events).count("m0.mrc") == 3:
            held.release()
    assert of(FileFinished, events) == [*(path.name for path in files[1:]), "m0.mrc"]
    assert len(of(FileWaiting, events)) >= 3


def test_as_many_are_worked_on_at_once_as_lanes_let(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, both, at_once, denoise = (
        threading.Lock(),
        threading.Barrier(2, timeout=60),
        list[int](),
        Denoiser.denoise,
    )
    inside = 0

    def watched(denoiser: Denoiser, micrograph: Micrograph) -> Iterator[DenoisingEvent]:
        nonlocal inside
        with lock:
            inside += 1
            at_once.append(inside)
        try:
            both.wait()
            yield from denoise(denoiser, micrograph)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(Denoiser, "denoise", watched)
    _, ended = over(files, model, BESIDE)
    assert ended.finished == len(files)
    assert max(at_once) == BESIDE.at_work


def test_a_batch_says_how_long_each_stage_took(
    files: list[Path], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_fsync(monkeypatch, slow)
    _, ended = over(files, model)
    assert ended.stages is not None
    assert min(ended.stages.reading, ended.stages.denoising, ended.stages.writing) > 0
    assert ended.stages.denoising + ended.stages.waiting <= ended.seconds
