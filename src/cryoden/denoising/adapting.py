"""What a model that follows each micrograph's spectrum is for a set of micrographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cryoden.denoising.denoise import Denoiser
from cryoden.errors import CryodenError
from cryoden.micrograph import Array, Micrograph, Windowed
from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import adapted, is_conditioned, unknown
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import Device

SAMPLE = 5  # micrographs that are measured


def adapted_to(micrographs: Sequence[Windowed], model: Model, device: Device = "auto") -> Model:
    """Return the plain model that goes on learning from these micrographs; a plain one is returned as it is.

    Some are measured, evenly spread; those that cannot be read are left to the training to complain of.
    """
    if not is_conditioned(model):
        return model
    denoiser = Denoiser(model, DenoisingSettings(device=device))
    places = np.unique(np.linspace(0, len(micrographs) - 1, SAMPLE).astype(int))
    found = [known for place in places if (known := _known(micrographs[place], denoiser)) is not None]
    return adapted(model, np.mean(found, axis=0) if found else unknown())


def _known(micrograph: Windowed, denoiser: Denoiser) -> Array | None:
    """Return what is known of a micrograph, where anything is."""
    try:
        pixels = micrograph.window(0, 0, *micrograph.shape)
        known = denoiser.known(Micrograph(pixels, micrograph.pixel_size, micrograph.name, micrograph.path))
    except CryodenError:
        return None
    return known if known.any() else None
