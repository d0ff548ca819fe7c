"""The figures an evaluation gives, frozen: for each method, of each pair and on average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from statistics import fmean
from typing import Any, Literal, TypeVar

from cryoden.events.quality import Coverage
from cryoden.events.snr_gain import snr_gain

Kind = Literal["raw", "low-pass", "wiener", "model", "other"]
Reading = Literal["detail", "coarse"]
Figures = TypeVar("Figures", "Scores", "Checks")
Values = tuple[float | None, ...]
FORMAT = "cryoden-evaluation-1"


@dataclass(frozen=True)
class Scores:
    """How one method did on one pair, or on all of them on average.

    Parameters
    ----------
    whole, detail, center : float
        r of a denoised half with the other raw half, both ways averaged: on all pixels, without
        structures wider than 400 px, and on the central 1024 × 1024 px.
    coarse : float
        The same in the particle band, 20 Å to 400 px.
    coarse_error : float
        Standard error of ``coarse``: one over the root of how many independent waves it rests on.
    noise_left : float
        Share of a raw half's noise variance that is still there.
    palovcak_db, bias_ratio : float or None
        SNR_den / SNR_raw, and bias over signal, both of Palovcak et al. (2020).
    hallucinated : float
        Share of what the denoised halves have in common that the raw halves do not hold.
    resolution : float or None
        Where the Fourier ring correlation of denoised and other raw half falls below the threshold, Å.
    truth_db, truth_resolution : float or None
        SNR over that of the raw half, and resolution, against the clean micrograph.
    checkerboard : float
        Power of patterns that repeat every 2, 4 or 8 px over that nearby; about 1 for none.
    seconds : float or None
        For one half; ``None`` where only files of the method are known.
    slope : float or None
        Regression of the other raw half on a denoised one in the particle band: 1 for an honest
        estimate of the signal, less where it shows more than there is. ``None`` where the output is empty.
    bands, slopes : tuple of float or None
        r and regression in each of `BANDS`; empty in tables of older versions.
    """

    whole: float
    detail: float
    center: float
    coarse: float
    coarse_error: float
    noise_left: float
    palovcak_db: float | None
    bias_ratio: float | None
    hallucinated: float
    resolution: float | None
    truth_db: float | None
    truth_resolution: float | None
    checkerboard: float
    seconds: float | None
    slope: float | None = None
    bands: Values = ()
    slopes: Values = ()


@dataclass(frozen=True)
class Checks:
    """What a method makes of images that hold no particles, and whether its halves agree.

    Parameters
    ----------
    noise : float or None
        Power of its answer to white noise over that to the micrograph; ``None`` where only files
        of the method are known.
    phases : float or None
        The same for the micrograph with its phases made random beyond a wavelength.
    disagreement : float
        Share of the area on which denoised halves have less than half of their structure in common.
    residue : float
        Largest correlation between pixels of raw less denoised.
    """

    noise: float | None
    phases: float | None
    disagreement: float
    residue: float


@dataclass(frozen=True)
class Curves:
    """What a method did by spatial frequency, on a grid of its own.

    Parameters
    ----------
    frequencies : tuple of float
        1/Å, or 1/px where the pixel size is unknown.
    frc : tuple of float or None
        Fourier ring correlation of denoised and other raw half.
    power : tuple of float or None
        Radial power of a denoised half; 1 is white noise as strong as the raw half.
    snr : tuple of float or None
        Signal over noise and bias in each shell.
    truth : tuple of float or None
        Fourier ring correlation with the clean micrograph; empty without one.
    """

    frequencies: tuple[float, ...]
    frc: Values
    power: Values
    snr: Values
    truth: Values = ()


@dataclass(frozen=True)
class Row:
    """One method in the table.

    Parameters
    ----------
    name : str
        What people call it.
    kind : str
        ``"raw"``, ``"low-pass"``, ``"wiener"``, ``"model"`` or ``"other"``.
    mean : Scores
        Averaged over the pairs.
    pairs : mapping of str to Scores
        Pair by pair.
    curves : Curves
        Averaged over the pairs.
    checks : Checks or None
        Averaged over the pairs; ``None`` for the raw input.
    coverage : mapping of str to Coverage
        Pair by pair, how far a model's training covers it, where that is known.
    """

    name: str
    kind: Kind
    mean: Scores
    pairs: dict[str, Scores]
    curves: Curves
    checks: Checks | None = None
    coverage: dict[str, Coverage] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """All that was found, and what it was found with.

    Parameters
    ----------
    rows : tuple of Row
        Raw first, then low-passes, Wiener, models and other programs.
    unit : str
        ``"Å"``, or ``"px"`` where the pixel size is not known.
    r_half : float
        r of the two raw halves, averaged over the pairs.
    pixels : int
        Pixels of all pairs together, which the error of r goes by.
    spread : float or None
        How far the first two models differ, over how far the first one's halves do.
    provenance : dict
        Plain JSON values: versions, files, models, settings, time.
    """

    rows: tuple[Row, ...]
    unit: str
    r_half: float
    pixels: int
    spread: float | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def raw(self) -> Row:
        """The raw input."""
        return self.rows[0]

    def gain_db(self, row: Row, reading: Reading = "coarse") -> float | None:
        """Return the SNR gain of a method in dB, as `cryoden.events.snr_gain` defines it.

        ``reading`` is which r: in the particle band, or of all that is not wider than 400 px.
        """
        return snr_gain(getattr(row.mean, reading), getattr(self.raw.mean, reading))

    def best_low_pass(self) -> Row | None:
        """Return the low-pass that predicts the other raw half best in detail."""
        found = [row for row in self.rows if row.kind == "low-pass"]
        return max(found, key=lambda row: row.mean.detail, default=None)

    def assessed(self) -> list[Row]:
        """Return the rows to assess: models and other programs."""
        return [row for row in self.rows if row.kind in {"model", "other"}]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; `cryoden.evaluation.json_file.load` gives the same table back."""
        return {"format": FORMAT, **asdict(self)}


def averaged(found: Sequence[Figures]) -> Figures:
    """Return the mean of each figure over the pairs that have it."""
    values = {one.name: _mean([getattr(each, one.name) for each in found]) for one in fields(found[0])}
    return type(found[0])(**values)


def _mean(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    if known and isinstance(known[0], tuple):
        return tuple(_mean(each) for each in zip(*known, strict=True))
    return fmean(known) if known else None
