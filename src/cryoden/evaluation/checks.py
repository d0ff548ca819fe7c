"""What a method makes of images that hold no particles, and whether its halves agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cryoden.evaluation import hallucination
from cryoden.evaluation.exposures import Exposure
from cryoden.evaluation.half_metrics import middle
from cryoden.evaluation.methods import Method
from cryoden.evaluation.scores import Checks
from cryoden.evaluation.scoring import Halves
from cryoden.micrograph import Pixels

SEED = 0  # of noise and phases: the same questions for each method
REACH = 8  # px; noise of cameras does not reach farther


def checked(method: Method, exposure: Exposure, denoised: Halves, beyond: float) -> Checks | None:
    """Test whether a method hallucinates; ``None`` for the raw input.

    Noise and random phases are tried on the central 1024 × 1024 px of the even half, or on all of
    a smaller one: figures of other programs are quoted of that window.

    Parameters
    ----------
    method : Method
        What is asked.
    exposure : Exposure
        The raw halves.
    denoised : (ndarray, ndarray)
        Even and odd as the method denoised them.
    beyond : float
        Structures finer than this lose their phases, in Å.
    """
    if method.kind == "raw":
        return None
    apart = hallucination.disagreement(*denoised, exposure.pixel_size)
    raw, even = middle(exposure.even), middle(denoised[0])
    removed = None if np.ptp(raw - even) == 0 else hallucination.difference_autocorrelation(raw, even, REACH)
    function = method.function(exposure)
    asked = () if function is None else _responses(function, raw, exposure, beyond)
    noise, phases = [answer.power for answer in asked] or (None, None)
    residue = 0.0 if removed is None else removed.largest
    return Checks(noise, phases, apart.share, residue)


def _responses(
    denoise: Callable[[Pixels], Pixels], image: Pixels, exposure: Exposure, beyond: float
) -> tuple[hallucination.Response, hallucination.Response]:
    return (
        hallucination.noise_response(denoise, image, SEED),
        hallucination.phase_response(denoise, image, exposure.pixel_size, beyond, SEED),
    )
