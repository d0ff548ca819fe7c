"""The lines of a loss plot: what each is and how it is drawn, wherever it is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from cryoden.events.snr_gain import SNR_GAIN, TITLE


@dataclass(frozen=True)
class LossLine:
    """One line, or one row beside a plot.

    Parameters
    ----------
    label : str
        Its name.
    meaning : str
        What it is, in a sentence.
    on_white, on_dark : str
        Its color: Okabe and Ito's, distinct for any color vision, the darker of a pair on white.
    dashes : tuple of int
        Lengths of strokes and gaps, in line widths; empty for a line without gaps.
    """

    label: str
    meaning: str
    on_white: str
    on_dark: str
    dashes: tuple[int, ...] = ()


CURVES = {
    "validation": LossLine(
        "validation", "Loss on the validation data after each epoch.", on_white="#0072b2", on_dark="#56b4e9"
    ),
    "train": LossLine(
        "training (epoch)", "Mean training loss of each epoch.", on_white="#d55e00", on_dark="#e69f00"
    ),
    "steps": LossLine(
        "training (step)", "Training loss of each step.", on_white="#c3c9d1", on_dark="#5a6370"
    ),
    "best": LossLine(
        "best validation", "The saved model has the weights of this epoch.",
        on_white="#000000", on_dark="#f0e442",
    ),
}  # fmt: skip

# Reference losses on the validation data: fields of `cryoden.events.quality.References`.
REFERENCES = {
    "identity": LossLine(
        "raw input (no denoising)", "Loss of the raw input, without denoising.",
        on_white="#6b6b6b", on_dark="#c8c8c8",
    ),
    "constant": LossLine(
        "blank image", "The mean predicted everywhere, as a collapsed network does.",
        on_white="#6b6b6b", on_dark="#c8c8c8", dashes=(6, 4),
    ),
    "gaussian": LossLine(
        "best Gaussian", "Gaussian low-pass filter with the best σ, fitted to the training data.",
        on_white="#6a51a3", on_dark="#b5a1e0", dashes=(4, 2, 1, 2),
    ),
    "linear": LossLine(
        "Wiener filter",
        "Best linear filter, fitted to the training data: a useful network is below it.",
        on_white="#00795a", on_dark="#2fd0a0", dashes=(10, 3, 2, 3),
    ),
    "floor": LossLine(
        "noise floor",
        "Power of a validation half minus what the halves share: about the lowest possible loss.",
        on_white="#a8437f", on_dark="#e79cc4", dashes=(2, 3),
    ),
}  # fmt: skip
LINES = CURVES | REFERENCES

# The same of the main curve of a run on halves: keys of `cryoden.events.snr_gain.reference_gains`.
GAIN_CURVES = {
    "gain": replace(CURVES["validation"], label=TITLE, meaning=f"{SNR_GAIN} Validation, after each epoch."),
}
GAIN_REFERENCES = {
    "identity": replace(REFERENCES["identity"], meaning="0 dB by definition."),
    "gaussian": replace(REFERENCES["gaussian"], meaning="SNR gain of this Gaussian low-pass filter."),
    "linear": replace(
        REFERENCES["linear"],
        meaning="SNR gain of the best linear filter, fitted to the training data: a useful network is above "
        "it.",
    ),
    "ceiling": LossLine(
        "ceiling",
        "The most that the validation data can show: the signal itself, given how exactly the correlation of "
        "the raw halves is known.",
        on_white="#a8437f", on_dark="#e79cc4", dashes=(2, 3),
    ),
}  # fmt: skip
GAIN_LINES = GAIN_CURVES | GAIN_REFERENCES


def loss_label(scale: Literal["z-score", "positive"]) -> str:
    """Return what a loss axis shows: only z-scored micrographs have variance 1."""
    return "loss (MSE, 1 = blank image)" if scale == "z-score" else "loss (MSE)"
