"""What is said of a network on held-out data, and of the data without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["good", "wait", "bad"]
UNUSUAL = 0.02  # share of training scenes; a micrograph among rarer ones is unlike them
UNCOVERED = "T15"


@dataclass(frozen=True)
class BandReferences:
    """Correlation with the other raw half in the particle band, without training.

    Parameters
    ----------
    coarse, fine : float
        The band, from the longer period to the shorter; lengths as of `References`.
    identity, gaussian, linear : float
        Of the raw half, and of the filters of `References`.
    error : float or None
        Standard error of ``identity``; runs of older versions have none.
    """

    coarse: float
    fine: float
    identity: float
    gaussian: float
    linear: float
    error: float | None = None


@dataclass(frozen=True)
class References:
    """Reference values of the held-out data, without training; a run is compared with them.

    Under Noise2Noise each loss is the mean of both directions, even to odd and odd to even.
    Lengths are in Å, or in px of the patches where the pixel size is not known.

    Parameters
    ----------
    identity : float
        Doing nothing: mean squared difference of noisy and target, both z-scored.
    constant : float
        Predicting the mean everywhere, about 1.
    gaussian : float
        The Gaussian low-pass of the best width, fitted on the training data.
    sigma : float
        Its standard deviation, a length.
    linear : float
        The best linear filter: one gain for each spatial frequency (Wiener), fitted on the
        training data.
    floor : float or None
        The noise floor of Noise2Noise: the target's power less what the halves share, which
        is 1 − r_half for a whole z-scored micrograph; ``None`` for supervised pairs.
    error : float
        Standard error of the floor; losses that differ by less from a line are on it.
    r_half : float
        Pearson correlation of noisy and target.
    fine : float
        The same in the finest quarter of spatial frequencies; about 0 where noise is independent.
    frc, resolution : float, float or None
        How noisy and target agree by spatial frequency, see `HeldOutQuality`.
    band : BandReferences or None
        Under Noise2Noise; ``None`` where no period of the particle band fits into a patch, too.
    """

    identity: float
    constant: float
    gaussian: float
    sigma: float
    linear: float
    floor: float | None
    error: float
    r_half: float
    fine: float
    frc: float
    resolution: float | None
    band: BandReferences | None = None


@dataclass(frozen=True)
class HeldOutQuality:
    """What a network does to the held-out data, measured without a truth.

    Parameters
    ----------
    palovcak : float or None
        How many dB less noise than in the raw halves: SNR_den / SNR_raw of Palovcak et al.
        (2020). To be read beside ``bias``: a filter that passes nothing has no noise. What is called
        SNR gain is another figure, see `cryoden.events.snr_gain`.
    bias : float or None
        B/S of the same authors: the part of the signal's power that is changed or lost. Both
        need two denoised halves: ``None`` for supervised pairs and for a collapsed output.
    frc : float
        Fourier ring correlation of denoised noisy and raw target, mean over all rings.
    resolution : float or None
        Length at which it first falls below 1/7; ``None`` where it is never above.
    band : float or None
        Correlation of a denoised half with the other raw half in the particle band, where
        `References` have it too.
    """

    palovcak: float | None
    bias: float | None
    frc: float
    resolution: float | None
    band: float | None = None


@dataclass(frozen=True)
class TrainingStatus:
    """How a run stands, in words for people; of one kind are those that differ in their numbers only."""

    level: Level
    words: str
    kind: str = field(default="", compare=False)


@dataclass(frozen=True)
class Coverage:
    """How far a model's training covers a micrograph; see `cryoden.denoising.coverage`.

    Parameters
    ----------
    share : float
        Of the scenes it was trained on, those that are as unusual as the micrograph, or more.
    words : str
        A sentence for people.
    """

    share: float
    words: str

    @property
    def is_usual(self) -> bool:
        """Whether the training has enough scenes like it."""
        return self.share >= UNUSUAL


UNJUDGED = TrainingStatus("wait", "Not assessed yet")
