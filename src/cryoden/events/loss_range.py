"""Which losses the plot shows: the view that lets a run be read."""

from __future__ import annotations

import math

import numpy as np

from cryoden.events.history import History
from cryoden.events.quality import References
from cryoden.events.snr_gain import gains_of, reference_gains
from cryoden.events.training import EpochFinished

LEAST_SPAN = 0.002
MOST_STEPS = 2000  # that are looked at
FAR = 1.5  # times what the curves and the filters span
NEAR = 0.5  # times what curve, raw half and Wiener filter span: a line farther off flattens the curve
LEAST_DB = 0.5  # that are shown


def y_range(history: History, since: int = 0) -> tuple[float, float]:
    """Return limits in which the curves of the epochs and the nearest reference lines can be read.

    The noise floor and the Wiener filter always are: between them lies what can be gained. The constant
    is where it is not far from both; so is a start that is no better than the filter. Single steps scatter
    more widely and may widen the view by half at either end and not more. The highest tenth of the epochs,
    and those before a restart or the step ``since``, may leave it.
    """
    begun = max(since, *history.restarts[-1:], 0)
    trained = [epoch for epoch in history.epochs if epoch.step > begun] or history.epochs[1:]
    core: list[float] = []
    for losses in ([epoch.validation_loss for epoch in trained], [epoch.train_loss for epoch in trained]):
        core += _quantiles(losses, 0.0, 0.9)
    half = len(history.losses) // 2  # of which some are enough: a plot asks many times a minute
    steps = _quantiles(history.losses[half :: 1 + half // MOST_STEPS], 0.1, 0.9)
    if history.started:
        core += _lines(history.started.references, history.epochs[:1], core)
    core = core or steps or [0.0, 1.0]
    low, high = min(core), max(core)
    span = max(high - low, LEAST_SPAN)
    if steps:
        low = min(low, max(steps[0], low - span / 2))
        high = max(high, min(steps[1], high + span / 2))
    margin = 0.08 * max(high - low, span)
    return low - margin, high + margin


def gain_range(history: History, since: int = 0) -> tuple[float, float]:
    """Return limits in dB in which the SNR gain and the lines beside it can be read.

    The raw half and the Wiener filter are always in view, Gaussian and ceiling where they are not far.
    Epochs whose output has collapsed, and those before the step ``since``, may leave it.
    """
    if history.started is None:
        return 0.0, 1.0
    known = history.started.references
    epochs = [one for one in history.epochs if one.step >= since and not one.collapsed]
    gains = [gain for _, gain in gains_of(known, epochs)]
    lines = reference_gains(known)
    core = [*gains, *(lines[name] for name in ("identity", "linear") if name in lines)] or [0.0]
    low, high = min(core), max(core)
    near = max(NEAR * (high - low), LEAST_DB)
    core += [lines[name] for name in lines if low - near < lines[name] < high + near]
    low, high = min(core), max(core)
    margin = 0.08 * max(high - low, LEAST_DB)
    return low - margin, high + margin


def _lines(of: References, start: list[EpochFinished], curves: list[float]) -> list[float]:
    """Return the lines to be seen beside the curves: the filters, the floor, and what is not far."""
    begins = [epoch.validation_loss for epoch in start]
    sure = [of.linear, of.gaussian, *(loss for loss in begins if loss < of.linear)]
    sure += [] if of.floor is None else [of.floor]
    low, high = min(sure + curves), max(sure + curves)
    far = FAR * max(high - low, LEAST_SPAN)
    return sure + [line for line in (of.constant, *begins) if low - far < line < high + far]


def _quantiles(values: list[float], low: float, high: float) -> list[float]:
    finite = [value for value in values if math.isfinite(value)]
    return [float(value) for value in np.quantile(finite, (low, high))] if finite else []
