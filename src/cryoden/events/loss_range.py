"""Which losses the plot shows: the view that lets a run be read."""

from __future__ import annotations

import math

import numpy as np

from cryoden.events.history import History
from cryoden.events.quality import References
from cryoden.events.training import EpochFinished

LEAST_SPAN = 0.002
MOST_STEPS = 2000  # that are looked at
CURVE = 3  # epochs, the start included, that are a curve to look at closely
FAR = 1.5  # times what the curves and the filters span
NEAR = 0.5  # times what curve, raw half and Wiener filter span: a Gaussian farther off flattens the curve


def y_range(history: History, since: int = 0) -> tuple[float, float]:
    """Return limits in which the curves of the epochs and the nearest reference lines can be read.

    At first the noise floor is in view beside the Wiener filter: between them lies what can be gained.
    A correct run moves by thousandths beside the filter, so once it has a curve the constant and the
    floor are in view only where they are not far from both; so is a start that is no better than
    the filter. Single steps scatter more widely and may widen the view by half at either end and
    not more. The highest tenth of the epochs, and those before a restart or the step ``since``, may
    leave it.
    """
    begun = max(since, *history.restarts[-1:], 0)
    trained = [epoch for epoch in history.epochs if epoch.step > begun] or history.epochs[1:]
    core: list[float] = []
    for losses in ([epoch.validation_loss for epoch in trained], [epoch.train_loss for epoch in trained]):
        core += _quantiles(losses, 0.0, 0.9)
    half = len(history.losses) // 2  # of which some are enough: a plot asks many times a minute
    steps = _quantiles(history.losses[half :: 1 + half // MOST_STEPS], 0.1, 0.9)
    if history.started:
        core += _lines(
            history.started.references, history.epochs[:1], core, at_first=len(history.epochs) < CURVE
        )
    core = core or steps or [0.0, 1.0]
    low, high = min(core), max(core)
    span = max(high - low, LEAST_SPAN)
    if steps:
        low = min(low, max(steps[0], low - span / 2))
        high = max(high, min(steps[1], high + span / 2))
    margin = 0.08 * max(high - low, span)
    return low - margin, high + margin


def band_range(history: History, since: int = 0) -> tuple[float, float]:
    """Return limits in which correlations in the particle band and the lines beside them can be read.

    The raw half and the Wiener filter are always in view, the Gaussian where it is not far. Epochs
    whose output has collapsed, and those before the step ``since``, may leave it.
    """
    known = history.started.references.band if history.started else None
    epochs = [one for one in history.epochs if one.step >= since and not one.collapsed]
    core = [one.quality.band for one in epochs if one.quality.band is not None]
    if known is not None:
        core += [known.identity, known.linear]
        low, high = min(core), max(core)
        near = NEAR * (high - low)
        core += [known.gaussian] if low - near < known.gaussian < high + near else []
    low, high = (min(core), max(core)) if core else (0.0, 1.0)
    margin = 0.08 * max(high - low, LEAST_SPAN)
    return low - margin, high + margin


def _lines(of: References, start: list[EpochFinished], curves: list[float], *, at_first: bool) -> list[float]:
    """Return the lines to be seen beside the curves: the filters, and what is not far from them."""
    begins, floor = [epoch.validation_loss for epoch in start], [] if of.floor is None else [of.floor]
    sure = [of.linear, of.gaussian, *(loss for loss in begins if loss < of.linear)]
    low, high = min(sure + curves), max(sure + curves)
    far = FAR * max(high - low, LEAST_SPAN)
    near = [line for line in (of.constant, *begins, *floor) if low - far < line < high + far]
    return sure + near + (floor if at_first else [])


def _quantiles(values: list[float], low: float, high: float) -> list[float]:
    finite = [value for value in values if math.isfinite(value)]
    return [float(value) for value in np.quantile(finite, (low, high))] if finite else []
