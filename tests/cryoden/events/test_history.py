from __future__ import annotations

import math
from dataclasses import replace

import pytest

from cryoden.events.history import History, clock, length
from cryoden.events.quality import TrainingStatus
from cryoden.events.training import PhaseStarted, Restarted, StepFinished, TrainingFinished
from tests.cryoden.training.short_runs import run


def folded(until: type | None = None) -> History:
    history = History()
    for event in run():
        if until is not None and isinstance(event, until):
            break
        history.add(event)
    return history


def test_a_history_holds_every_loss_and_the_best_epoch() -> None:
    history = folded()
    assert history.steps == list(range(1, 9))
    assert [epoch.epoch for epoch in history.epochs] == [0, 1, 2]
    assert history.best is not None
    bands = [epoch.quality.band or 0.0 for epoch in history.epochs[1:]]
    assert history.best.quality.band == max(bands) > 0
    assert isinstance(history.finished, TrainingFinished)


def test_the_status_line_names_each_phase_of_a_run() -> None:
    history = History()
    assert history.status_line() == "no run yet"
    history.add(PhaseStarted("measuring the micrographs"))
    assert history.status_line() == "measuring the micrographs …"
    running = folded(until=TrainingFinished).status_line()
    assert running.startswith("epoch 2/2 · 4/4 · ")
    assert "step/s · ETA 0:00 · best SNR gain " in running
    assert folded().status_line().startswith("Done. Model of epoch ")


def test_only_the_weights_of_the_best_epoch_are_kept() -> None:
    history = folded()
    assert history.best is not None
    assert history.best.weights is not None
    assert all(epoch.weights is None for epoch in history.epochs)


def test_speed_is_counted_over_the_last_steps() -> None:
    history = History()
    for step in range(1, 60):
        history.add(StepFinished(step, 1, 1.0, 1e-3, 0.25 * step, 0.1, 9.0))
    assert history.steps_per_second == pytest.approx(4)


def test_a_worse_epoch_does_not_move_the_best() -> None:
    history = folded()
    best = history.best
    history.add(replace(history.epochs[-1], epoch=3, step=12, validation_loss=0.9))
    assert history.best is best


def test_the_status_line_counts_restarts_and_the_verdict_tells_of_them_until_the_next_epoch() -> None:
    history = folded(until=TrainingFinished)
    assert "restarted" not in history.status_line()
    assert history.verdict == history.epochs[-1].verdict
    history.add(Restarted(1, "diverged", "The loss diverged.", 1e-4))
    assert history.restarts == [8]
    assert " · restarted 1× · best SNR gain " in history.status_line()
    assert history.verdict == TrainingStatus("bad", "The loss diverged.")


def test_a_length_is_in_pixels_where_their_size_is_not_known() -> None:
    assert length(12.345, 1.2) == "12.3 Å"
    assert length(12.345, None) == "12.3 px"
    assert length(None, 1.2) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (200.4, "3:20"), (3600 * 26 + 61, "26:01:01"), (math.inf, "–")]
)
def test_a_clock_reads_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_speed_of_steps_whose_losses_come_in_groups_is_that_of_the_steps() -> None:
    history = History()
    for group in range(1, 9):  # 500 steps a second, fetched four times a second
        for number in range(125):
            step = 125 * (group - 1) + number + 1
            history.add(StepFinished(step, 1, 0.5, 1e-3, 0.25 * group + 1e-5 * number, 0.1, 1.0))
        assert history.steps_per_second == pytest.approx(500, rel=0.2)
