"""Train a denoising network on cryo-EM micrographs, without Qt and without napari.

What a script needs is here, and is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryoden.dataset.opening import open_halves, read_micrograph
    from cryoden.events.training import EpochFinished
    from cryoden.micrograph import HalfPair, Micrograph
    from cryoden.model.general import GENERAL
    from cryoden.settings.denoising import DenoisingSettings
    from cryoden.settings.training import TrainingSettings
    from cryoden.settings.workers import WorkerSettings
    from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files, denoise_micrograph
    from cryoden.workflows.session import denoise_session
    from cryoden.workflows.train_model import resume_training, train_halves


_HOMES = {
    "dataset.opening": ("open_halves", "read_micrograph"),
    "events.training": ("EpochFinished",),
    "micrograph": ("HalfPair", "Micrograph"),
    "model.general": ("GENERAL",),
    "settings.denoising": ("DenoisingSettings",),
    "settings.training": ("TrainingSettings",),
    "settings.workers": ("WorkerSettings",),
    "workflows.denoise_micrographs": ("BatchRequest", "denoise_files", "denoise_micrograph"),
    "workflows.session": ("denoise_session",),
    "workflows.train_model": ("resume_training", "train_halves"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
__all__ = [
    "GENERAL",
    "BatchRequest",
    "DenoisingSettings",
    "EpochFinished",
    "HalfPair",
    "Micrograph",
    "TrainingSettings",
    "WorkerSettings",
    "denoise_files",
    "denoise_micrograph",
    "denoise_session",
    "open_halves",
    "read_micrograph",
    "resume_training",
    "train_halves",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("cryoden.io.provenance").VERSION
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
