"""Targets that runs should reach, and whether they do."""

from __future__ import annotations

from dataclasses import dataclass

from cryoden.runs.compare import RunSummary


@dataclass(frozen=True)
class Targets:
    """What runs are asked to reach.

    Parameters
    ----------
    reference : RunSummary
        The run whose final loss is to be reached, or whose correlation in the particle band.
    within : float
        Percent the final loss may be higher, or the correlation lower.
    batches : tuple of float or None
        Batches a second that are expected, from and to; more is no failure.
    """

    reference: RunSummary
    within: float = 10.0
    batches: tuple[float, float] | None = None


@dataclass(frozen=True)
class Reached:
    """Whether a run has reached one target, with the numbers; ``None`` where that is not known."""

    run: str
    target: str
    passed: bool | None
    numbers: str


def reached(run: RunSummary, targets: Targets) -> list[Reached]:
    """Judge a run by each target: correlation or final loss, speed, and a smooth course."""
    return [_final(run, targets), *_speed(run, targets), _smooth(run)]


def _final(run: RunSummary, targets: Targets) -> Reached:
    """Compare two runs by what they were judged by: the particle band CC, else the final loss."""
    if run.band is not None and targets.reference.band is not None:
        return _band(run, run.band, targets.reference.band, targets)
    wanted, of = targets.reference.final, targets.reference.name
    title = f"final loss within {targets.within:g} %"
    if run.final is None or wanted is None:
        return Reached(run.name, title, None, "unknown")
    apart = 100 * (run.final / wanted - 1)
    return Reached(
        run.name,
        title,
        apart <= targets.within,
        f"{run.final:.4g} is {apart:+z.1f} % from {wanted:.4g} of {of}",
    )


def _band(run: RunSummary, found: float, wanted: float, targets: Targets) -> Reached:
    least = wanted - targets.within / 100 * abs(wanted)
    numbers = f"{found:z.4f} against {wanted:z.4f} of {targets.reference.name}"
    return Reached(run.name, f"particle band CC within {targets.within:g} %", found >= least, numbers)


def _speed(run: RunSummary, targets: Targets) -> list[Reached]:
    if targets.batches is None:
        return []
    low, high = targets.batches
    title = f"{low:g} to {high:g} batch/s"
    if run.batches is None:
        return [Reached(run.name, title, None, "unknown")]
    faster = ", faster than required" if run.batches > high else ""
    return [Reached(run.name, title, run.batches >= low, f"{run.batches:,.1f} batch/s{faster}")]


def _smooth(run: RunSummary) -> Reached:
    found = run.convergence()
    if found is None:
        return Reached(run.name, "smooth convergence", None, "its steps are unknown")
    return Reached(run.name, "smooth convergence", found.smooth and not found.diverged, found.words())
