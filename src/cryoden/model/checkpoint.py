"""The model file: everything it takes to denoise, in one safetensors file.

Weights are tensors; network, pixel size and provenance are one JSON text in the header, with a
SHA-256 over both, because the format itself does not notice a flipped bit. Nothing in it is
ever executed, and torch is not needed to read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cryoden.errors import ModelFileError
from cryoden.events.training import GrayScale, Weights
from cryoden.settings.training import NetworkName

FORMAT = "cryoden-2"
KEY = "cryoden"
SCALES: dict[GrayScale, str] = {
    "z-score": "z-score, clipped at 6 standard deviations, unit variance at the working pixel",
    "positive": "95th percentile of the positive pixels is 1, clipped to 0 and 1",
}


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network as it lies in a model file.

    Parameters
    ----------
    network : str
        Which network the weights belong to.
    weights : mapping of str to ndarray
        float32 arrays by the network's own names.
    pixel_size : float or None
        Å/px of the micrographs it was trained on.
    provenance : mapping
        Plain JSON values: settings, files, loss history, references, versions.
    working_pixel : float or None
        Å/px the network works at, ``None`` for each micrograph's own pixels.
    scale : str
        What the network sees of gray values: "z-score", or "positive" as in the experiment.
    """

    network: NetworkName
    weights: Weights
    pixel_size: float | None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    working_pixel: float | None = None
    scale: GrayScale = "z-score"

    @property
    def sha256(self) -> str:
        """Fingerprint of everything in the file, 64 hexadecimal digits."""
        return _fingerprint(self.description(), self.weights)

    def description(self) -> str:
        """Return all but the weights as one line of JSON."""
        about = {
            "format": FORMAT,
            "network": self.network,
            "normalization": SCALES[self.scale],
            "pixel_size": self.pixel_size,
            "working_pixel": self.working_pixel,
            "provenance": self.provenance,
        }
        return json.dumps(about, sort_keys=True, allow_nan=False)


def write(model: Model, path: Path, *, half: bool = False) -> None:
    """Write the model to exactly this path; the caller publishes it.

    With ``half`` the weights are rounded to float16, which halves the file.

    Raises
    ------
    ModelFileError
        M05 for weights that are not finite: such a model is never kept.
    """
    if half:
        with np.errstate(over="ignore"):  # infinite ones are refused below
            model = replace(model, weights={k: v.astype(np.float16) for k, v in model.weights.items()})
    bad = [name for name, values in model.weights.items() if not np.isfinite(values).all()]
    if bad:
        raise ModelFileError(
            "M05", path, f"weights of {bad[0]} are not finite", kept="The last good model is kept"
        )
    # safetensors writes memory as it lies: weights of another order would be scrambled.
    ordered = {name: np.ascontiguousarray(values) for name, values in model.weights.items()}
    path.write_bytes(save(ordered, {KEY: model.description(), "sha256": model.sha256}))


def load(path: Path) -> Model:
    """Read a model file and prove that it is whole.

    Raises
    ------
    ModelFileError
        M01 not there, M02 not a model file, M03 of another version, M04 damaged.
    """
    if not path.is_file():
        raise ModelFileError("M01", path, "no such model file", fix="Give a file written by cryoden train")
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            weights = {name: _single(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise ModelFileError(
            "M02", path, f"not a complete model file ({error})", fix="Copy it again"
        ) from None
    return _proven(path, about, weights)


def _fingerprint(description: str, weights: Weights) -> str:
    digest = hashlib.sha256(description.encode())
    for name in sorted(weights):
        digest.update(f"{name}{weights[name].shape}".encode())
        digest.update(_single(weights[name]).tobytes())
    return digest.hexdigest()


def _single(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return float32, which every float16 has exactly one of."""
    return np.ascontiguousarray(values, dtype=np.float32)


def _proven(path: Path, about: Mapping[str, str], weights: Weights) -> Model:
    if KEY not in about:
        problem = "a safetensors file of another program"
        raise ModelFileError("M02", path, problem, fix="Give a file written by cryoden train")
    if _fingerprint(about[KEY], weights) != about.get("sha256"):
        raise ModelFileError(
            "M04", path, "damaged: checksum differs", kept="It was not used", fix="Copy it again"
        )
    described = json.loads(about[KEY])
    if described["format"] != FORMAT or described["network"] not in get_args(NetworkName):
        problem = f"of another version (found {described['format']}, expected {FORMAT})"
        raise ModelFileError("M03", path, problem, fix="Train again, or use the version that wrote it")
    known = {name: described[name] for name in ("network", "pixel_size", "provenance", "working_pixel")}
    scale: GrayScale = "positive" if described["normalization"] == SCALES["positive"] else "z-score"
    return Model(weights=weights, scale=scale, **known)
