"""A folder that is filled while it is watched, with a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import pytest

from cryoden.dataset.output_paths import Targets, results
from cryoden.errors import OutputError, SettingsError
from cryoden.events.batch import BatchEvent, BatchFinished, FileFinished, FileStarted, FolderWatched
from cryoden.io import mrc
from cryoden.workflows.batch import in_turn
from cryoden.workflows.watching import Arrivals, Patience, watched
from tests.cryoden.scenes import scene

PATIENCE = Patience(look=2, quiet=4, incomplete=60)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def arrivals(folder: Path, clock: Clock) -> Arrivals:
    def find() -> Targets:
        found = sorted(folder.glob("*.mrc"))
        if not found:
            raise SettingsError("D01", None, "0 micrographs")
        return Targets({path: folder / "out" / path.name for path in found})

    return Arrivals(find, PATIENCE, clock)


def written(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    mrc.write(path, scene(1).even.data, pixel_size=1.5, label="made for a test")
    return path


def copied(targets: Targets) -> Generator[BatchEvent, None, None]:
    """Do what a batch does, quickly."""

    def copy(path: Path, target: Path) -> Generator[BatchEvent, None, None]:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
        yield FileFinished(path, target, 0.0, ())

    yield from in_turn(targets, copy)


def test_a_whole_file_is_taken_once_and_after_it_was_left_alone(tmp_path: Path, clock: Clock) -> None:
    looking = arrivals(tmp_path, clock)
    assert looking.look() == {}
    path = written(tmp_path / "a.mrc")
    taken = []
    for clock.now in (0, 2, 4, 6, 100):
        taken.append(list(looking.look()))
    assert taken == [[], [], [path], [], []]


def test_a_file_that_is_being_written_is_not_taken_until_it_is_whole(tmp_path: Path, clock: Clock) -> None:
    looking, path = arrivals(tmp_path, clock), tmp_path / "a.mrc"
    pixels = written(path).read_bytes()
    for clock.now, share in ((0, 0.2), (2, 0.2), (6, 0.2), (30, 0.7), (32, 1.0), (34, 1.0)):
        path.write_bytes(pixels[: int(share * len(pixels))])
        assert looking.look() == {}
    clock.now = 40
    assert list(looking.look()) == [path]


def test_a_file_that_has_all_its_bytes_and_still_changes_is_waited_for(tmp_path: Path, clock: Clock) -> None:
    looking, path = arrivals(tmp_path, clock), written(tmp_path / "a.mrc")
    for clock.now in range(0, 20, 3):
        with path.open("r+b") as file:  # as one that was given its size before its pixels
            file.seek(2000)
            file.write(b"pixels")
        assert looking.look() == {}


def test_a_file_that_stays_incomplete_is_taken_at_last_and_again_when_it_is_whole(
    tmp_path: Path, clock: Clock
) -> None:
    looking, path = arrivals(tmp_path, clock), tmp_path / "a.mrc"
    pixels = written(path).read_bytes()
    path.write_bytes(pixels[:5000])
    taken = []
    for clock.now in (0, 30, 60, 90):
        taken.append(bool(looking.look()))
    path.write_bytes(pixels)
    for clock.now in (100, 104, 200):
        taken.append(bool(looking.look()))
    assert taken == [False, False, True, False, False, True, False]


def followed(
    folder: Path, clock: Clock, during: Mapping[int, Callable[[], object]]
) -> tuple[list[BatchEvent], list[int]]:
    """Watch a folder in which things happen at some of the looks; return events and the looks."""
    looks: list[int] = []

    def pause(seconds: float) -> None:
        clock.now += seconds
        looks.append(len(looks))
        during.get(looks[-1], int)()

    (folder / "out").mkdir()
    return list(watched(arrivals(folder, clock), copied, folder / "out" / "stop", pause)), looks


def test_what_arrives_is_denoised_as_one_batch_until_the_stop_file_is_there(
    tmp_path: Path, clock: Clock
) -> None:
    first = written(tmp_path / "a.mrc")
    stop = tmp_path / "out" / "stop"
    during: Mapping[int, Callable[[], object]]
    during = {4: lambda: written(tmp_path / "b.mrc"), 20: stop.touch}
    *events, ended = followed(tmp_path, clock, during)[0]
    begun = [event for event in events if isinstance(event, FileStarted)]
    assert begun == [FileStarted(first, 0, 1), FileStarted(tmp_path / "b.mrc", 1, 2)]
    assert isinstance(ended, BatchFinished)
    assert (ended.finished, ended.untried) == (2, 0)
    assert {event.stop_file for event in events if isinstance(event, FolderWatched)} == {stop}
    assert not stop.exists()


def test_what_has_arrived_when_it_is_stopped_is_waited_for_and_what_comes_later_is_not(
    tmp_path: Path, clock: Clock
) -> None:
    def end() -> None:
        (tmp_path / "out" / "stop").touch()
        written(tmp_path / "arrived.mrc")
        (tmp_path / "half.mrc").write_bytes(bytes(3000))

    during: Mapping[int, Callable[[], object]]
    during = {3: end, 4: lambda: written(tmp_path / "later.mrc")}
    events, looks = followed(tmp_path, clock, during)
    assert [event.path.name for event in events if isinstance(event, FileFinished)] == ["arrived.mrc"]
    assert looks[-1] < 10


def test_a_stop_file_of_another_watch_ends_nothing(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "out").mkdir()
    stop = tmp_path / "out" / "stop"
    stop.touch()
    looks: list[float] = []

    def pause(seconds: float) -> None:
        clock.now += seconds
        looks.append(seconds)
        if len(looks) == 2:
            written(tmp_path / "a.mrc")
        elif len(looks) == 7:
            stop.touch()

    *_, ended = watched(arrivals(tmp_path, clock), copied, stop, pause)
    assert isinstance(ended, BatchFinished)
    assert ended.finished == 1


def test_two_files_with_the_same_result_end_a_watch_and_a_list_that_is_being_written_does_not(
    tmp_path: Path, clock: Clock
) -> None:
    one, other = tmp_path / "one.star", written(tmp_path / "x" / "a.mrc")
    one.touch()
    paths = [one]
    looking = Arrivals(lambda: results(paths, tmp_path / "out"), PATIENCE, clock)
    assert looking.look() == {}
    paths[:] = [other, written(tmp_path / "y" / "a.mrc")]
    with pytest.raises(OutputError, match="D07"):
        looking.look()


def test_a_file_that_is_removed_or_renamed_before_it_is_taken_holds_up_no_end(
    tmp_path: Path, clock: Clock
) -> None:
    def end() -> None:
        (tmp_path / "out" / "stop").touch()
        written(tmp_path / "gone.mrc")
        written(tmp_path / "old.mrc")

    def tidy() -> None:
        (tmp_path / "gone.mrc").unlink()
        (tmp_path / "old.mrc").rename(tmp_path / "elsewhere")

    def too_long() -> None:
        pytest.fail("the watch does not end")

    during: Mapping[int, Callable[[], object]] = {3: end, 4: tidy, 30: too_long}
    *_, ended = followed(tmp_path, clock, during)[0]
    assert isinstance(ended, BatchFinished)
    assert ended.finished == 0


def test_what_a_list_has_named_is_taken_while_the_list_is_written_again(tmp_path: Path, clock: Clock) -> None:
    path, star = written(tmp_path / "a.mrc"), tmp_path / "m.star"
    star.write_text("data_\nloop_\n_rlnMicrographName\na.mrc\n")
    looking = Arrivals(lambda: results([star], tmp_path / "out"), PATIENCE, clock)
    assert looking.look() == {}
    star.write_text("")
    clock.now = 10
    assert list(looking.look()) == [path]


def of_halves(folder: Path, clock: Clock) -> Arrivals:
    return Arrivals(lambda: results([folder], folder / "out", halves="sum"), PATIENCE, clock)


def test_two_halves_are_taken_together_once_both_are_whole(tmp_path: Path, clock: Clock) -> None:
    looking, even = of_halves(tmp_path, clock), written(tmp_path / "a_EVN.mrc")
    pixels, odd = even.read_bytes(), tmp_path / "a_ODD.mrc"
    taken = []
    for clock.now in (0, 30):  # the other half is not there yet
        taken.append(dict(looking.look()))
    odd.write_bytes(pixels[:5000])
    for clock.now in (31, 40):
        taken.append(dict(looking.look()))
    odd.write_bytes(pixels)
    for clock.now in (41, 46, 90):
        taken.append(dict(looking.look()))
    assert taken == [{}] * 5 + [{even: tmp_path / "out" / "a_denoised.mrc"}, {}]


def test_a_half_whose_partner_never_comes_is_taken_alone_at_last(tmp_path: Path, clock: Clock) -> None:
    looking, even = of_halves(tmp_path, clock), written(tmp_path / "a_EVN.mrc")
    assert not looking.look()
    clock.now = 61
    assert looking.look() == {even: tmp_path / "out" / "a_EVN_denoised.mrc"}


def test_a_full_sum_that_comes_after_its_halves_were_taken_is_left_alone(
    tmp_path: Path, clock: Clock
) -> None:
    looking = of_halves(tmp_path, clock)
    for half in ("EVN", "ODD"):
        written(tmp_path / f"a_{half}.mrc")
    taken = []
    for clock.now in (0, 5):
        taken.append(len(looking.look()))
    written(tmp_path / "a.mrc")
    for clock.now in (6, 20, 90):
        taken.append(len(looking.look()))
    assert taken == [0, 1, 0, 0, 0]
