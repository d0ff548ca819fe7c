from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from cryoden.dataset.opening import open_halves
from cryoden.errors import OutputError
from cryoden.events.training import EpochFinished, TrainingEvent
from cryoden.model.checkpoint import load
from cryoden.runs.save_best import save_best
from cryoden.training.working_micrograph import CHOSEN
from cryoden.workflows.train_model import train_halves
from tests.cryoden.scenes import scene, write_halves
from tests.cryoden.training.short_runs import SCENES, constant_model, run, settings

HALVES = [known.halves for known in SCENES]


def test_the_best_epoch_is_on_disk_before_its_event_arrives(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for event in train_halves(HALVES, path, settings(epochs=3)):
        if isinstance(event, EpochFinished) and event.weights is not None:
            assert load(path).provenance["best_epoch"] == event.epoch


def test_a_model_file_tells_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    events = list(train_halves(HALVES, path, settings()))
    about = load(path).provenance
    told = [epoch["validation_loss"] for epoch in about["history"]]
    assert told == [event.validation_loss for event in events if isinstance(event, EpochFinished)]
    assert about["settings"]["seed"] == 0
    assert about["end"] == "completed"
    assert set(about["versions"]) == {"cryoden", "python", "torch", "numpy"}
    assert len(about["training"]) == 3
    assert (load(path).pixel_size, load(path).working_pixel) == (1.5, CHOSEN)


def test_a_stopped_run_keeps_its_best_and_says_that_it_was_stopped(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    events = train_halves(HALVES, path, settings(epochs=1000))
    for event in events:
        if isinstance(event, EpochFinished) and event.epoch == 3:
            break
    events.close()  # type: ignore[attr-defined]  # it is a generator
    about = load(path).provenance
    assert about["end"] == "stopped"
    assert len(about["history"]) == 4
    assert about["best_epoch"] in {1, 2, 3}


def test_a_run_stopped_before_its_first_epoch_leaves_no_file(tmp_path: Path) -> None:
    events = train_halves(HALVES, tmp_path / "m.safetensors", settings(epochs=1000))
    list(islice(events, 6))
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_the_older_model_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    list(train_halves(HALVES, path, settings()))
    before = path.read_bytes()
    collapsed = run(constant_model(0.0), network="baseline", learning_rate=1e-7, epochs=50)
    assert list(save_best(collapsed, path)) == collapsed
    assert path.read_bytes() == before


def test_an_error_in_the_run_still_leaves_the_best_so_far(tmp_path: Path) -> None:
    def broken() -> Iterator[TrainingEvent]:
        yield from run()[:-1]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        list(save_best(broken(), tmp_path / "m.safetensors"))
    assert load(tmp_path / "m.safetensors").provenance["end"] == "stopped"


def test_an_existing_model_is_refused_before_training_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="O05"):
        next(iter(train_halves(HALVES, path, settings())))
    assert path.read_bytes() == b"precious"
    list(train_halves(HALVES, path, settings(), overwrite=True))
    assert load(path).network == "unet"


def test_a_missing_folder_is_told_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="O06"):
        next(iter(train_halves([scene().halves], tmp_path / "no" / "m.safetensors", settings())))


def test_a_model_never_takes_the_place_of_a_micrograph(tmp_path: Path) -> None:
    even, _ = write_halves(tmp_path, SCENES[0])
    before = even.read_bytes()
    with pytest.raises(OutputError, match="O04"):
        next(iter(train_halves(open_halves([tmp_path]), even, settings(), overwrite=True)))
    with pytest.raises(OutputError, match="O04"):
        list(save_best(run(), even, files=[even]))
    assert even.read_bytes() == before
