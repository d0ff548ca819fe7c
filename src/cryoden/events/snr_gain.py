"""SNR gain: the one figure by which results are compared, on plots, terminals, in reports and evaluations."""

from __future__ import annotations

from collections.abc import Iterable
from math import log10, sqrt

from cryoden.events.quality import BandReferences, HeldOutQuality, References
from cryoden.events.training import EpochFinished

TITLE = "SNR gain"
IN_DB = "SNR gain (dB)"
SNR_GAIN = (
    "Estimated gain in signal-to-noise ratio over the raw half in the particle band (340–20 Å), in dB: "
    "c = CC² / CC_half is the fraction of the output that is signal, and the SNR is c / (1 − c). Needs no "
    "ground truth; lost and hallucinated signal lower it."
)


def snr_gain(cc: float, cc_half: float) -> float | None:
    """Return the SNR gain in dB, as `SNR_GAIN` says.

    Parameters
    ----------
    cc : float
        Correlation of a denoised half with the other raw half.
    cc_half : float
        Correlation of the two raw halves, over the same frequencies.

    Returns
    -------
    float or None
        ``None`` where chance makes the estimate impossible.

    Notes
    -----
    The other raw half is signal and independent noise, so r with it is r with the signal times
    √r_half, and the signal-to-noise ratio at the best scale is r² / (1 − r²) of r with the signal
    (Frank & Al-Ali 1975). Nothing that depends on amplitudes comes in, as it does in SNR_den / SNR_raw of
    Palovcak et al. (2020), which a stronger blur raises without end.
    """
    explained = cc * cc / cc_half if cc_half > 0 and cc > 0 else 0.0
    if not (0 < explained < 1 and cc_half < 1):
        return None
    return 10 * log10(explained / (1 - explained) * (1 - cc_half) / cc_half)


def ceiling(cc_half: float, error: float) -> float | None:
    """Return the greatest gain that can be measured, in dB.

    The gain of the signal itself is infinite, its CC √cc_half. But cc_half is known to its standard error
    only, and so is c: outputs whose c lies within it of 1 are all as good as the signal.

    Parameters
    ----------
    cc_half : float
        Correlation of the two raw halves.
    error : float
        Its standard error.

    Returns
    -------
    float or None
        ``None`` where the error is as large as the correlation: nothing can be measured then.
    """
    certain = 1 - error / cc_half if cc_half > 0 else 0.0
    return snr_gain(sqrt(certain * cc_half), cc_half) if 0 < certain < 1 else None


def band_gain(known: BandReferences, cc: float | None) -> float | None:
    """Return the SNR gain of a correlation in the particle band; ``None`` where there is none."""
    return None if cc is None else snr_gain(cc, known.identity)


def gain_of(known: References, quality: HeldOutQuality) -> float | None:
    """Return the SNR gain of an epoch; ``None`` for runs without a particle band, and by chance."""
    return None if known.band is None else band_gain(known.band, quality.band)


def gains_of(known: References, epochs: Iterable[EpochFinished]) -> list[tuple[EpochFinished, float]]:
    """Return the epochs that have an SNR gain, with it."""
    found = ((epoch, gain_of(known, epoch.quality)) for epoch in epochs)
    return [(epoch, gain) for epoch, gain in found if gain is not None]


def reference_gains(known: References) -> dict[str, float]:
    """Return the SNR gain of the raw half (0), of the filters and the ceiling, those that there are."""
    band = known.band
    if band is None:
        return {}
    found = {
        "identity": 0.0,
        "gaussian": band_gain(band, band.gaussian),
        "linear": band_gain(band, band.linear),
        "ceiling": None if band.error is None else ceiling(band.identity, band.error),
    }
    return {name: gain for name, gain in found.items() if gain is not None}


def in_db(gain: float | None) -> str:
    """Return a gain with its sign and unit."""
    return "–" if gain is None else f"{gain:+z.1f} dB"
