"""An evaluation on two worker processes, which are started once for this file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="needs the extra [cluster]")

from cryoden.compute.crew import Crew
from cryoden.compute.hiring import hired
from cryoden.errors import CryodenError, MicrographError
from cryoden.evaluation.evaluate import EvaluationFinished, EvaluationStarted, MethodScored, evaluate_with
from cryoden.evaluation.evaluate_on_workers import evaluate_on
from cryoden.evaluation.exposures import Subject
from cryoden.evaluation.scores import Table
from cryoden.micrograph import HalfPair, Micrograph
from cryoden.model import checkpoint
from cryoden.settings.tools import EvaluationSettings
from cryoden.settings.workers import WorkerSettings
from tests.cryoden.denoising.test_denoise import model as random_model
from tests.cryoden.evaluation.planted import subject

SETTINGS = EvaluationSettings(device="cpu", tile=128)


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with hired(WorkerSettings(workers=2), "auto") as crew:
        yield crew


@pytest.fixture
def model(tmp_path: Path) -> Path:
    checkpoint.write(random_model("baseline"), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def without_times(table: Table) -> Any:
    """Return all of a table but how long things took."""

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: timeless(one) for key, one in value.items() if key not in {"seconds", "time"}}
        return [timeless(one) for one in value] if isinstance(value, list | tuple) else value

    return timeless(asdict(table))


def test_the_table_of_two_workers_is_that_of_one_process(crew: Crew, model: Path) -> None:
    subjects = [subject(number, 128) for number in (1, 2, 3)]
    started, *events, ended = evaluate_on(crew, subjects, [model], SETTINGS)
    *_, alone = evaluate_with(subjects, [model], SETTINGS)
    assert isinstance(started, EvaluationStarted)
    assert isinstance(ended, EvaluationFinished)
    assert isinstance(alone, EvaluationFinished)
    assert without_times(ended.table) == without_times(alone.table)
    assert [picture.name for picture in ended.pictures] == [picture.name for picture in alone.pictures]
    scored = [(event.pair, event.method) for event in events if isinstance(event, MethodScored)]
    assert sorted(scored) == sorted((pair, one) for pair in started.pairs for one in started.methods)


def test_a_pair_that_cannot_be_read_ends_it_with_its_name(crew: Crew, model: Path) -> None:
    good = subject(1, 128)
    even = good.halves.even
    assert isinstance(even, Micrograph)
    spoiled = even.data.copy()
    spoiled[5, 7] = float("nan")
    bad = Subject("bad", HalfPair(replace(even, data=spoiled, name="spoiled"), good.halves.odd))
    with pytest.raises(MicrographError, match="F24  spoiled — has NaN"):
        list(evaluate_on(crew, [good, bad], [model], SETTINGS))


def test_another_model_in_the_place_of_the_one_that_was_asked_for_is_refused(crew: Crew, model: Path) -> None:
    events = evaluate_on(crew, [subject(1, 128)], [model], SETTINGS)
    next(events)  # the model is known by now
    checkpoint.write(random_model("unet"), model)
    with pytest.raises(CryodenError, match=r"C05  .*another model of this name"):
        list(events)
