"""Particles of one micrograph, found without training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cryoden.errors import printable
from cryoden.image.fourier_rings import inverse, transform
from cryoden.micrograph import Array, Micrograph, Pixels
from cryoden.picking.blobs import blob_response, is_bright
from cryoden.picking.maxima import maxima
from cryoden.picking.picks import Picks, PicksError, made
from cryoden.picking.templates import Templates, class_averages, template_response
from cryoden.picking.working_image import WorkingImage, working_image
from cryoden.settings.picking import PickingSettings

# Places of the opposite contrast for each pick, at the threshold that is chosen. What is between blobs looks
# like a blob, and averages of noise look like noise.
FALSE_BLOBS, FALSE_LIKENESSES = 0.5, 0.2
AVERAGED = 100  # places of a first round that are averaged, at least
SEED = 1


@dataclass(frozen=True, eq=False)
class Found:
    """What was found on a micrograph.

    Parameters
    ----------
    picks : Picks
        The clearest first, all of them above the threshold.
    threshold : float
        Least figure of merit.
    every : Picks
        All that looks like a particle, how little so ever, the clearest first.
    bright : bool
        Whether particles are brighter than the ice.
    by_chance : int
        How many places stand out as much where the phases of the micrograph are random: it then has
        the same power, that of the particles included, and no particles. So many are false at most.
    """

    picks: Picks
    threshold: float
    every: Picks
    bright: bool
    by_chance: int


def find_particles(
    micrograph: Micrograph, settings: PickingSettings, templates: Templates | None = None
) -> Found:
    """Pick a micrograph as it is, raw or denoised.

    Parameters
    ----------
    micrograph : Micrograph
        With its pixel size.
    settings : PickingSettings
        Diameter and more.
    templates : Templates, optional
        What particles look like; without any, they are blobs.

    Raises
    ------
    PicksError
        ``K04`` without a diameter, ``K05`` without a pixel size, or for particles too small or too large.
    MicrographError
        ``F25`` for a micrograph without contrast.
    """
    image = prepared(micrograph, settings)
    bright = is_contrast_bright(image, settings)
    image = replace(image, pixels=-image.pixels) if bright else image
    if templates is None and settings.averages:
        templates = averages_of(image, settings)
    places, merits = candidates(image, settings, templates)
    false = FALSE_BLOBS if templates is None else FALSE_LIKENESSES
    least = settings.threshold or chosen_threshold(merits, _opposite(image, settings, templates), false)
    chance = candidates(random_phases(image), settings, templates)[1]
    keep = merits >= least
    keep[settings.most or len(keep) :] = False
    every = made(image.places(places), merits, micrograph.name, micrograph.pixel_size)
    return Found(every.chosen(keep), least, every, bright, int((chance >= least).sum()))


def averages_of(image: WorkingImage, settings: PickingSettings) -> Templates | None:
    """Return what the blobs of a first round look like; ``None`` where there are too few."""
    places, merits = candidates(image, settings, None)
    least = chosen_threshold(merits, _opposite(image, settings, None), FALSE_BLOBS)
    clear = int((merits >= least).sum())
    return class_averages([(image, places[: max(clear, AVERAGED)])], settings.averages)


def prepared(micrograph: Micrograph, settings: PickingSettings) -> WorkingImage:
    """Return what the picker looks at; see `find_particles`."""
    name = micrograph.path or micrograph.name
    if not settings.diameter:
        raise PicksError(
            "K04", name, "the diameter of the particles is not known", fix="Give --diameter in Å"
        )
    if micrograph.pixel_size is None:
        problem = "its pixel size is not known, which the diameter in Å needs"
        raise PicksError("K05", name, problem, fix="Give --pixel-size")
    across = settings.diameter / micrograph.pixel_size
    if across < 4 or across > min(micrograph.shape) / 2:
        problem = (
            f"particles of {settings.diameter:g} Å are {across:.1f} px of {micrograph.pixel_size:g} Å wide "
            f"(expected 4 to {min(micrograph.shape) // 2:,} px)"
        )
        raise PicksError("K05", name, printable(problem), fix="Check --diameter and the pixel size")
    return working_image(micrograph, settings.diameter, micrograph.pixel_size)


def is_contrast_bright(image: WorkingImage, settings: PickingSettings) -> bool:
    """Tell whether particles are bright, as the user says, or as it seems."""
    return is_bright(image) if settings.contrast == "auto" else settings.contrast == "bright"


def candidates(
    image: WorkingImage, settings: PickingSettings, templates: Templates | None
) -> tuple[Array, Array]:
    """Return places in working pixels, and figures of merit, of all that looks like a dark particle."""
    largest = max(1.0, settings.diameter_to / settings.diameter)
    response = blob_response(image, largest) if templates is None else template_response(image, templates)
    return maxima(response, image.usable, settings.apart * image.diameter)


def _opposite(image: WorkingImage, settings: PickingSettings, templates: Templates | None) -> Array:
    """Return the figures of merit of places with the opposite contrast."""
    return candidates(replace(image, pixels=-image.pixels), settings, templates)[1]


def chosen_threshold(merits: Array, opposite: Array, share: float) -> float:
    """Return the least merit at which a share of places of the opposite contrast stand out as much.

    Noise is as often bright as dark, so that places of the opposite contrast say how many picks are false.
    They say too many, as what is between particles, and the fringes around them, have that contrast, too.
    Of noise alone little is left.
    """
    levels = np.sort(merits)[::-1]
    false = len(opposite) - np.searchsorted(np.sort(opposite), levels, side="left")
    few = np.flatnonzero(false <= share * np.arange(1, len(levels) + 1))
    return float(levels[few[-1]]) if len(few) else float(max([*opposite, 0.0])) + 1e-6


def random_phases(image: WorkingImage) -> WorkingImage:
    """Return an image of the same power spectrum without any structure."""
    numbers = np.random.default_rng(SEED)
    noise: Pixels = numbers.standard_normal(image.pixels.shape).astype(np.float32)
    phases = transform(noise)
    phases /= np.maximum(np.abs(phases), np.finfo(np.float32).tiny)
    spectrum = np.abs(transform(image.pixels)) * phases
    return replace(image, pixels=inverse(spectrum.astype(np.complex64), image.pixels.shape))
