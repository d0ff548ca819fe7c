"""How far a model's training covers a micrograph: whether its spectrum is usual among the training's scenes.

One is as unusual as its `NEAREST`-th nearest scene is far (Ramaswamy, Rastogi & Shim 2000, SIGMOD Rec. 29,
427). What is far, the scenes themselves say: a share of them is as far from the others as the micrograph is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from cryoden.denoising.ring_gains import CAUTION
from cryoden.errors import ModelFileError, Remark
from cryoden.events.quality import UNCOVERED, UNUSUAL, Coverage
from cryoden.image.normalization import CLIP
from cryoden.io import typed_json
from cryoden.micrograph import Array
from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import BANDS

NEAREST = 5
FEWEST = round(1 / UNUSUAL)  # scenes; among fewer, not even one of a kind is that rare
FAINTEST = np.log10(CAUTION) + 1  # so much power above the noise counts as none, and less is no difference
USUAL_OUTLIERS = 1e-5  # share of clipped pixels that is no reason to bother anyone
NAMED = 0.5  # of the largest difference; parts of the spectrum that differ less are left out
PARTS = (
    (1000, 280, "coarser than 280 Å (background, ice thickness)"),
    (280, 56, "at 280 to 56 Å (the size of particles)"),
    (56, 12, "finer than 56 Å (detail, dose)"),
)


@dataclass(frozen=True, eq=False)
class Scenes:
    """What a model was trained on, as `cryoden.denoising.signal_ratios` sees it.

    Parameters
    ----------
    numbers : ndarray
        ``(n, len(BANDS) - 1)`` decimal logarithms of signal over noise, and 1 more.
    distances : ndarray
        ``(n,)`` from each scene to the `NEAREST`-th nearest of the others: root mean squares over the bands.
    """

    numbers: Array
    distances: Array

    @classmethod
    def of(cls, model: Model) -> Scenes | None:
        """Return the scenes a model file lists; ``None`` for none, or too few.

        Raises
        ------
        ModelFileError
            M02 for a list that is damaged.
        """
        try:
            listed = typed_json.as_type(_Provenance, dict(model.provenance)).scenes
            _check(listed)
        except ValueError as error:
            problem = f"not a model of this program: provenance.{error}"
            raise ModelFileError("M02", model.path, problem, fix="Copy it again") from None
        if len(listed) < FEWEST:
            return None
        numbers = np.maximum(listed, FAINTEST)
        return cls(numbers, np.array([np.sort(_distances(numbers, one))[NEAREST] for one in numbers]))

    def coverage(self, known: Array) -> Coverage | None:
        """Return how usual a micrograph is, of which ``(len(BANDS),)`` numbers are known, or ``None``."""
        if not known.any():
            return None
        seen = np.maximum(known[:-1], FAINTEST)
        away = _distances(self.numbers, seen)
        nearest = np.argsort(away)[:NEAREST]
        share = float((self.distances >= away[nearest[-1]]).mean())
        others = f"of {len(away):,} scenes are as unusual"
        if share >= UNUSUAL:
            return Coverage(
                share, f"The model's training covers spectra like this one ({100 * share:.0f} % {others})."
            )
        rare = f"{100 * share:.1f} % {others}" if share else f"none {others}"
        differs = "; ".join(_differences(seen - self.numbers[nearest].mean(axis=0)))
        hardly = f"The model's training hardly covers spectra like this one ({rare})"
        return Coverage(share, f"{hardly}: compared with scenes like it, {differs}.")


def clipped(count: int, pixels: int) -> tuple[Remark, ...]:
    """Return a remark on so many clipped pixels of all, where they are more than the usual few."""
    usual = count <= USUAL_OUTLIERS * pixels
    return () if usual else (Remark("F26", f"{count:,} pixels beyond {CLIP:g} standard deviations, clipped"),)


def remarks(found: Coverage | None) -> tuple[Remark, ...]:
    """Return a warning about a micrograph that is unusual."""
    if found is None or found.is_usual:
        return ()
    advice = "the result may be wrong there: compare it with a low-pass, or train on your own halves"
    return (Remark(UNCOVERED, f"{found.words.removesuffix('.')}; {advice}"),)


@dataclass(frozen=True)
class _Provenance:
    """Those entries that are looked at."""

    scenes: list[list[float]] = field(default_factory=list)


def _check(scenes: list[list[float]]) -> None:
    for place, numbers in enumerate(scenes):
        if len(numbers) != len(BANDS) - 1 or not np.isfinite(numbers).all():
            raise ValueError(f"scenes.{place}: no {len(BANDS) - 1} finite numbers")


def _distances(scenes: Array, seen: Array) -> Array:
    return np.asarray(np.sqrt(np.square(scenes - seen).mean(axis=1)), np.float64)


def _differences(excess: Array) -> Iterator[str]:
    """Say where in the spectrum, and which way, a micrograph differs from the scenes most like it."""
    largest = np.abs(excess).max()
    for coarse, fine, where in PARTS:
        part = excess[BANDS.index(coarse) : BANDS.index(fine)]
        most = part[np.abs(part).argmax()]
        if abs(most) >= NAMED * largest:
            way = "more" if most > 0 else "less"
            yield f"up to {10 ** abs(most):,.0f} times {way} signal over noise {where}"
