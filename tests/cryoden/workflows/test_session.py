from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.errors import SettingsError
from cryoden.events.batch import BatchFinished, FileFinished, FolderWatched
from cryoden.io import mrc
from cryoden.model import checkpoint
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.workers import WorkerSettings
from cryoden.workflows import session
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.session import denoise_session
from cryoden.workflows.watching import STOP, Arrivals, Patience
from tests.cryoden.denoising.test_denoise import model as random_model
from tests.cryoden.scenes import scene


@pytest.fixture
def batch(tmp_path: Path) -> BatchRequest:
    checkpoint.write(random_model("baseline"), tmp_path / "model.safetensors")
    return BatchRequest(tmp_path / "model.safetensors", DenoisingSettings(tile=128))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[int], Path]:
    (tmp_path / "in").mkdir()

    def written(number: int) -> Path:
        path = tmp_path / "in" / f"m{number}.mrc"
        mrc.write(path, scene(number).even.data, pixel_size=1.5, label="made for a test")
        return path

    return written


def test_one_worker_needs_no_other_process_and_computes_where_it_is_told(
    batch: BatchRequest, write: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryoden.compute.hiring.NEEDED", ("cluster_of_nobody",))
    path = write(1)
    *_, ended = denoise_session([path], tmp_path / "one", batch, WorkerSettings(workers=1))
    assert isinstance(ended, BatchFinished)
    assert ended.device.startswith("CPU")
    list(denoise_files([path], tmp_path / "other", batch))
    name = "m1_denoised.mrc"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_nothing_is_started_for_files_that_are_not_there_or_a_device_that_is_not(
    batch: BatchRequest, write: Callable[[int], Path], tmp_path: Path
) -> None:
    workers = WorkerSettings(workers=2)
    with pytest.raises(SettingsError, match="D01"):
        next(denoise_session([tmp_path / "nothing"], tmp_path / "out", batch, workers))
    with pytest.raises(SettingsError, match=r"S02  device = cuda:0 is not there|S02  device = cuda:99"):
        next(denoise_session([write(1)], tmp_path / "out", batch, WorkerSettings(devices="0,99")))
    assert main(["denoise", str(write(1)), "--output", str(tmp_path / "out"), "--devices", "99"]) == 2


def test_a_watch_begins_with_an_empty_folder_and_denoises_what_arrives(
    batch: BatchRequest, write: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "Arrivals", partial(Arrivals, patience=Patience(0, 0, 0)))
    steps: Iterator[Callable[[], object]] = iter(
        [lambda: write(1), lambda: write(2), (tmp_path / "out" / STOP).touch]
    )
    done: list[str] = []
    for event in denoise_session([tmp_path / "in"], tmp_path / "out", batch, watch=True):
        if isinstance(event, FolderWatched):
            next(steps, int)()
        elif isinstance(event, FileFinished):
            done.append(event.output.name)
    assert done == ["m1_denoised.mrc", "m2_denoised.mrc"]
    assert isinstance(event, BatchFinished)
    assert (event.finished, event.untried) == (2, 0)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == done


def test_a_path_that_is_not_there_is_not_watched(
    batch: BatchRequest, write: Callable[[int], Path], tmp_path: Path
) -> None:
    paths = [write(1), tmp_path / "on"]
    with pytest.raises(SettingsError, match=r"D01.*on — no such file"):
        next(denoise_session(paths, tmp_path / "out", batch, watch=True))
    assert not (tmp_path / "out").exists()
