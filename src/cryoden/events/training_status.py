"""How a run stands, in words: the one judgement that command line and viewer both show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile
from statistics import fmean

from cryoden.events.quality import References, TrainingStatus
from cryoden.events.snr_gain import TITLE, gain_of, in_db
from cryoden.events.training import EpochFinished, Trouble

SHARED = 0.3  # correlation of the finest detail; real signal has less, independent noise none
BEYOND_CHANCE = 3.0  # standard errors
BLOWN_UP = 2.0  # times the greatest loss of doing nothing, of a constant and of the start
RISING = 5  # epochs a network that starts from nothing may stay nearly constant
OVER_FITTING = 5  # epochs since the best
IN_TROUBLE = {
    "collapsed": "Collapsed to a constant",
    "diverged": "Diverged",
}
WENT_WRONG = {
    "collapsed": "The output collapsed to a constant.",
    "diverged": "The loss diverged.",
}
ENDS = {
    "completed": "Done.",
    "stopped": "Stopped.",
    "plateau": "Stopped early: {patience} epochs without a better one.",
} | {why: f"{words} Lower the learning rate." for why, words in WENT_WRONG.items()}
LOST = 0.05  # of what the best epoch had gained over a constant


def assess(references: References, epochs: Sequence[EpochFinished], restarted: int = 0) -> TrainingStatus:
    """Say how a run stands after its last epoch.

    Parameters
    ----------
    references : References
        Reference values of the held-out data without training.
    epochs : sequence of EpochFinished
        All so far, epoch 0 first; at least one.
    restarted : int
        The epoch after which the run was last restarted.

    Returns
    -------
    TrainingStatus
        "bad" asks for a change, "wait" for more epochs, "good" for nothing.
    """
    found = trouble(references, epochs, restarted)
    if found:
        return TrainingStatus("bad", IN_TROUBLE[found], found)
    for fault in (_shared_noise, _useless, _over_fitting):
        words = fault(references, epochs)
        if words:
            return TrainingStatus("bad", words, words if fault is _useless else fault.__name__)
    return _standing(references, epochs)


def merit(references: References, epoch: EpochFinished) -> tuple[bool, float]:
    """Return what epochs are compared by; the greatest is best.

    Of a run on halves it is the correlation in the particle band, of others the loss. A correlation
    is blind to amplitudes: what is nearly constant, or worse than a blank image, comes behind all else.
    """
    loss, band = epoch.validation_loss, epoch.quality.band
    by_loss = -loss if math.isfinite(loss) else -math.inf
    if references.band is None:
        return True, by_loss
    is_image = loss <= references.constant + references.error and not epoch.collapsed
    return (True, band) if is_image and band is not None else (False, by_loss)


def figure(references: References, epoch: EpochFinished) -> str:
    """Return in words what an epoch is compared by: its SNR gain, which rises with the correlation."""
    band, gain = epoch.quality.band, gain_of(references, epoch.quality)
    if gain is not None:
        return f"{TITLE} {in_db(gain)}"
    return f"validation {epoch.validation_loss:.4f}" if band is None else f"particle band CC {band:z.4f}"


def kept_words(references: References, best: EpochFinished | None, first: EpochFinished) -> str:
    """Return in words what is kept of a run that is over; ``first`` is its starting model."""
    if best is None:
        return "No epoch was better than the starting model."
    kept = f"Model of epoch {best.epoch} ({figure(references, best)}) kept."
    if merit(references, best) > merit(references, first):
        return kept
    return f"{kept} It is no better than the starting model ({figure(references, first)})."


def trouble(references: References, epochs: Sequence[EpochFinished], restarted: int = 0) -> Trouble | None:
    """Say whether a run has gone wrong in its last epoch, so that going on is no use.

    Parameters
    ----------
    references, epochs, restarted
        See `assess`.

    Returns
    -------
    str or None
        "diverged" when losses of training or validation exceed twice those of the raw input,
        of a constant and of the start, or the output has become worse than a constant after having been
        better; "collapsed" when it has become (nearly) constant, or has been so for five epochs.
    """
    last, at = epochs[-1], references
    if last.epoch == 0:
        return None
    losses = [loss for loss in (last.train_loss, last.validation_loss) if not math.isnan(loss)]
    start = epochs[0].validation_loss  # a fresh network may begin far off and still come down
    worst = max(at.identity, at.constant, start if math.isfinite(start) else 0.0)
    if math.isnan(last.validation_loss) or max(losses) > BLOWN_UP * worst:
        return "diverged"
    stood = any(epoch.validation_loss < at.constant and not epoch.collapsed for epoch in epochs)
    margin = max(BEYOND_CHANCE * at.error, at.constant - at.linear)
    if stood and last.validation_loss > at.constant + margin:
        return "diverged"
    never_rose = last.epoch - restarted >= RISING and all(epoch.collapsed for epoch in epochs[-RISING:])
    return "collapsed" if last.collapsed and (stood or never_rose) else None


def _shared_noise(references: References, epochs: Sequence[EpochFinished]) -> str:
    if references.floor is None:
        return ""
    if references.fine > SHARED:
        return f"Halves not independent: CC near Nyquist {references.fine:z.2f}, expected about 0"
    if epochs[-1].validation_loss < references.floor - BEYOND_CHANCE * references.error:
        return f"Halves not independent: loss below the noise floor of {references.floor:.4f}"
    return ""


def _useless(references: References, epochs: Sequence[EpochFinished]) -> str:
    loss = epochs[-1].validation_loss
    if epochs[-1].epoch == 0:
        return ""
    if loss > references.identity:
        return "Worse than the raw input: do not use"
    return "Worse than a blank image: do not use" if loss > references.constant + references.error else ""


def _over_fitting(references: References, epochs: Sequence[EpochFinished]) -> str:
    """Held-out losses rise while those of training fall: what is learned is the training noise."""
    best, last = max(epochs, key=lambda epoch: merit(references, epoch)), epochs[-1]
    if last.epoch - best.epoch < OVER_FITTING:
        return ""
    lost = last.validation_loss - best.validation_loss
    enough = lost > LOST * (references.constant - best.validation_loss)
    learned = fmean(epoch.train_loss for epoch in epochs if epoch.epoch > best.epoch) < best.train_loss
    if enough and learned:
        return f"Overfitting since epoch {best.epoch}: add micrographs; epoch {best.epoch} is kept"
    return ""


def _standing(references: References, epochs: Sequence[EpochFinished]) -> TrainingStatus:
    useful = [epoch for epoch in epochs if not epoch.collapsed]
    if not useful:
        return TrainingStatus("wait", "Output nearly constant so far", "constant")
    kept = max(useful, key=lambda epoch: merit(references, epoch))
    if not _beats_wiener(references, kept):
        return TrainingStatus("wait", "Not yet better than a Wiener filter", "not yet")
    if kept.epoch == 0:
        words = "Not yet better than the starting model, which" if epochs[-1].epoch else "The starting model"
        return TrainingStatus("wait", f"{words} is better than a Wiener filter", words)
    better = takewhile(lambda e: e.epoch and _beats_wiener(references, e), reversed(epochs))
    in_a_row = len(list(better))
    if not in_a_row:
        words = f"Worse than a Wiener filter again; epoch {kept.epoch} is kept"
        return TrainingStatus("wait", words, "worse again")
    plural = "s" if in_a_row > 1 else ""
    words = f"Better than a Wiener filter for {in_a_row} epoch{plural}: good to use"
    return TrainingStatus("good", words, "better")


def _beats_wiener(references: References, epoch: EpochFinished) -> bool:
    line = -references.linear if references.band is None else references.band.linear
    return merit(references, epoch) > (True, line)
