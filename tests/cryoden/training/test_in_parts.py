from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cryoden.cli.show_training import follow_training
from cryoden.errors import TrainingError
from cryoden.events.training import BatchHalved
from cryoden.model.networks import build
from cryoden.model.place import Place
from cryoden.sampling.source import Batch
from cryoden.settings.training import TrainingSettings
from cryoden.training.engines import Engine, PlainEngine, weights_of
from cryoden.training.in_parts import predicted
from cryoden.training.learner import Learner
from cryoden.workflows.train_model import resume_training
from tests.cryoden.checkpoints.interrupted import begun, differences, halves, until
from tests.cryoden.training.short_runs import epochs, losses, run
from tests.cryoden.training.small_memory import room_for

CPU = Place(torch.device("cpu"), torch.float32)
PATCHES = 8


def batch(seed: int) -> Batch:
    noisy, target = np.random.default_rng(seed).normal(size=(2, PATCHES, 1, 32, 32)).astype(np.float32)
    return Batch(noisy, target)


def engine(kind: str) -> Engine:
    network = build("baseline", 0)
    if kind == "plain":
        return PlainEngine(network, CPU, 0.05)
    settings = TrainingSettings(network="baseline", learning_rate=0.01, anchor=0.5)
    return Learner(network, settings, CPU, anchored=True)


@pytest.mark.parametrize("kind", ["careful", "plain"])
def test_without_room_for_a_batch_the_same_steps_are_taken_in_parts(kind: str) -> None:
    whole, small = engine(kind), engine(kind)
    for step in (1, 2, 3):
        whole.step(batch(step), step, 1.0)
    with room_for(3) as fitted:
        for step in (1, 2, 3):
            small.step(batch(step), step, 1.0)
    assert fitted == 12 * [2]
    assert small.losses() == pytest.approx(whole.losses(), rel=1e-5)
    for name, value in weights_of(whole).items():
        np.testing.assert_allclose(weights_of(small)[name], value, atol=1e-6)


def test_a_run_says_once_how_much_fits_and_learns_what_it_would_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen: dict[str, Any] = {"network": "baseline", "batch": PATCHES, "epochs": 1}
    whole = run(**chosen)
    with room_for(2):
        events = run(**chosen)
    said = [event for event in events if isinstance(event, BatchHalved)]
    assert said == [BatchHalved(step=1, patches=PATCHES, before=1, parts=4)]
    assert losses(events) == pytest.approx(losses(whole), rel=1e-4)
    assert epochs(events)[-1].validation_loss == pytest.approx(epochs(whole)[-1].validation_loss, rel=1e-4)
    follow_training(iter(events), as_json=False)
    lines = [line for line in capsys.readouterr().err.splitlines() if "T06" in line]
    assert [line[:50] for line in lines] == ["T06: out of memory at step 1: of a batch's 8 patch"]


def test_memory_that_becomes_short_later_loses_no_step() -> None:
    one, other = engine("careful"), engine("careful")
    for step in (1, 2, 3):
        with room_for(PATCHES if step < 3 else 5) as fitted:
            one.step(batch(step), step, 1.0)
        other.step(batch(step), step, 1.0)
    assert fitted == [4, 4]
    assert one.losses() == pytest.approx(other.losses(), rel=1e-5)


def test_with_room_for_no_patch_at_all_it_ends_in_words() -> None:
    with room_for(0), pytest.raises(TrainingError, match="T06  out of memory with a single patch at a time"):
        run(network="baseline")


def test_any_other_error_of_a_step_is_raised_as_it_is() -> None:
    broken = Batch(batch(0).noisy.repeat(2, axis=1), batch(0).target)  # two channels
    one = engine("plain")
    with pytest.raises(RuntimeError, match="channels"):
        one.step(broken, 1, 1.0)
    assert one.parts.number == 1


def test_a_run_in_parts_is_resumed_in_as_many(tmp_path: Path) -> None:
    data = halves(tmp_path / "data")
    with room_for(1):
        list(begun(data, tmp_path / "whole", batch=4))
        until(begun(data, tmp_path / "stopped", batch=4), 3)
    list(resume_training(tmp_path / "stopped"))  # with room for all
    assert not differences(tmp_path / "whole", tmp_path / "stopped")


def test_validation_and_prediction_need_no_more_room_than_there_is() -> None:
    network, noisy = build("baseline", 0), torch.from_numpy(batch(0).noisy)
    with torch.no_grad():
        whole = network(noisy)
        with room_for(3, learning=False) as fitted:
            torch.testing.assert_close(predicted(network, CPU, noisy), whole)
        assert fitted == [2, 2, 2, 2]
        with room_for(0, learning=False), pytest.raises(TrainingError, match="T06"):
            predicted(network, CPU, noisy)
