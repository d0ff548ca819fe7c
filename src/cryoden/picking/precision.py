"""How well picks are those one knows: precision and recall, and what chance would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cryoden.micrograph import Array

REACH = 0.25  # of a diameter within which a pick is at a known particle
TRIALS = 5  # of random places


@dataclass(frozen=True)
class Detection:
    """How well particles are found.

    Parameters
    ----------
    average_precision : float
        Mean, over all known particles, of the precision at which each is found, 0 for those that are not: the
        area below the curve of precision over recall. 1 where the known ones come first and no other.
    recall : float
        Share of the known particles among as many of the best picks; it is their precision, too.
    found : float
        Share of the known particles that any pick is at, however little it stands out.
    known, picks : int
        How many there are of both.
    """

    average_precision: float
    recall: float
    found: float
    known: int
    picks: int


def detection(hits: NDArray[np.bool_], known: int) -> Detection:
    """Return how well picks find, from which of them, the best first, are at a particle of their own."""
    if not known or not len(hits):
        return Detection(0.0 if known else float("nan"), 0.0, 0.0, known, len(hits))
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    total = int(hits.sum())
    return Detection(
        float(precision[hits].sum() / known),
        float(hits[:known].sum() / known),
        total / known,
        known,
        len(hits),
    )


def matches(places: Array, known: Array, reach: float) -> NDArray[np.bool_]:
    """Return which places are at a known particle, each of which counts once.

    Parameters
    ----------
    places : ndarray
        ``(n, 2)``, the best first: each takes the nearest known particle that none before it has.
    known : ndarray
        ``(k, 2)``, in the same px.
    reach : float
        Largest distance in px.
    """
    hits = np.zeros(len(places), bool)
    if not len(places) or not len(known):
        return hits
    free = np.ones(len(known), bool)
    for place, near in enumerate(cKDTree(known).query_ball_point(places, reach)):
        left = [one for one in near if free[one]]
        if left:
            hits[place] = True
            free[min(left, key=lambda one: float(((known[one] - places[place]) ** 2).sum()))] = False
    return hits


def within(places: Array, shape: tuple[int, int], margin: float) -> NDArray[np.bool_]:
    """Return which places are at least a margin away from an image's border, so that all can be found."""
    return np.asarray(((places >= margin - 0.5) & (places <= np.array(shape) - 0.5 - margin)).all(axis=1))


def by_chance(known: Array, shape: tuple[int, int], margin: float, reach: float, picks: int) -> Detection:
    """Return how well as many random places find the known particles, a mean of some trials."""
    numbers = np.random.default_rng(len(known))
    low, high = margin - 0.5, np.array(shape) - 0.5 - margin
    trials = [
        detection(matches(numbers.uniform(low, high, (picks, 2)), known, reach), len(known))
        for _ in range(TRIALS)
    ]
    mean = np.mean([[one.average_precision, one.recall, one.found] for one in trials], axis=0)
    precision, recall, found = map(float, mean)
    return Detection(precision, recall, found, len(known), picks)
