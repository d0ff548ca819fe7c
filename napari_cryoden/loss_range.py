"""Which losses the plot shows: the view that lets a run be read."""

from __future__ import annotations

import math

import numpy as np

from cryoden.history import History

LEAST_SPAN = 0.002
FAR = 2.0  # times what the curves and the filters span


def y_range(history: History) -> tuple[float, float]:
    """Return limits in which the curves of the epochs and the nearest reference lines can be read.

    A correct run moves by thousandths beside the best linear filter, so the constant and the
    floor are in view only where they are not far from both, and epochs before a restart need
    not be. Single steps scatter more widely
    and may widen the view by half at either end and not more; the untrained start and the
    highest tenth of the epochs may leave it.
    """
    references = history.started.references if history.started else None
    begun = history.restarts[-1] if history.restarts else 0
    trained = [epoch for epoch in history.epochs if epoch.step > begun] or history.epochs[1:]
    core = [references.linear, references.gaussian] if references else []
    for losses in ([epoch.validation_loss for epoch in trained], [epoch.train_loss for epoch in trained]):
        core += _quantiles(losses, 0.0, 0.9)
    steps = _quantiles(history.losses[len(history.losses) // 2 :], 0.1, 0.9)
    core = core or steps or [0.0, 1.0]
    low, high = min(core), max(core)
    span = max(high - low, LEAST_SPAN)
    if references:
        near = [references.constant, references.floor if references.floor is not None else low]
        near = [line for line in near if low - FAR * span < line < high + FAR * span]
        low, high = min([low, *near]), max([high, *near])
        span = max(high - low, LEAST_SPAN)
    if steps:
        low = min(low, max(steps[0], low - span / 2))
        high = max(high, min(steps[1], high + span / 2))
    margin = 0.08 * max(high - low, span)
    return low - margin, high + margin


def _quantiles(values: list[float], low: float, high: float) -> list[float]:
    finite = [value for value in values if math.isfinite(value)]
    return [float(value) for value in np.quantile(finite, (low, high))] if finite else []
