"""The model file: everything it takes to denoise, in one safetensors file.

Weights are tensors; network, pixel size and provenance are one JSON text in the header, with a
SHA-256 over both, because the format itself does not notice a flipped bit. Nothing in it is
ever executed, and torch is not needed to read it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cryoden.errors import ModelFileError, printable
from cryoden.events.training import GrayScale, Weights
from cryoden.io import typed_json
from cryoden.settings.training import NetworkName

FORMAT = "cryoden-2"
KEY = "cryoden"
OF_A_RUN = "model.safetensors"  # what each run folder calls its own
DEEPEST = 8  # folders
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
    path : Path or None
        The file it was read from.
    """

    network: NetworkName
    weights: Weights
    pixel_size: float | None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    working_pixel: float | None = None
    scale: GrayScale = "z-score"
    path: Path | None = None

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


def name_of(path: Path, depth: int = 1) -> str:
    """Return what people call a model file: its name, or that of its run folder where it is one of a run.

    With ``depth`` above 1, folders above it come first, to tell files of one name apart.
    """
    where = path.absolute()
    names = where.parent.parts if where.name == OF_A_RUN else (*where.parent.parts, where.stem)
    return "/".join(names[-depth:]) or where.stem


def label_of(path: Path) -> str:
    """Return what a result's label calls its model: the file, or the run folder where it is one of a run.

    A name alone, as an opened result has it, is what it is called already.
    """
    return name_of(path) if path.is_absolute() and path.name == OF_A_RUN else path.name


def names_of(paths: Iterable[Path]) -> dict[Path, str]:
    """Return a name for each model file; those that would have one name get folders above them, too."""
    known = {path: name_of(path) for path in paths}
    for depth in range(2, DEEPEST):
        taken = Counter(known.values())
        known = {path: name_of(path, depth) if taken[name] > 1 else name for path, name in known.items()}
    return known


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
            foreign = [] if KEY in about else ["a safetensors file of another program"]
            weights = {} if foreign else {name: _tensor(file, name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError, OverflowError) as error:
        words = printable(str(error))
        raise ModelFileError(
            "M02", path, f"not a complete model file ({words})", fix="Copy it again"
        ) from None
    if foreign:
        raise ModelFileError("M02", path, foreign[0], fix="Give a file written by cryoden train")
    return _proven(path, about, weights)


def _tensor(file: Any, name: str) -> NDArray[np.float32]:
    kind = file.get_slice(name).get_dtype()
    if kind not in {"F16", "F32"}:
        raise ValueError(f"weights of {name} are {kind}, expected F32 or F16")
    return _single(file.get_tensor(name))


def _fingerprint(description: str, weights: Weights) -> str:
    digest = hashlib.sha256(description.encode())
    for name in sorted(weights):
        digest.update(f"{name}{weights[name].shape}".encode())
        digest.update(_single(weights[name]).tobytes())
    return digest.hexdigest()


def _single(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return float32, which every float16 has exactly one of."""
    return np.ascontiguousarray(values, dtype=np.float32)


@dataclass(frozen=True)
class _Described:
    """What the metadata of a model file says, with its types."""

    format: str
    network: str
    normalization: str
    pixel_size: float | None
    working_pixel: float | None
    provenance: _Provenance


@dataclass(frozen=True)
class _Provenance:
    """Those entries that are looked at."""

    training: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def _proven(path: Path, about: Mapping[str, str], weights: Weights) -> Model:
    if _fingerprint(about[KEY], weights) != about.get("sha256"):
        raise ModelFileError(
            "M04", path, "damaged: checksum differs", kept="It was not used", fix="Copy it again"
        )
    try:
        described = typed_json.parsed(about[KEY])
        found = typed_json.as_type(_Described, described)
        json.dumps(described, allow_nan=False)  # as it was written
    except ValueError as error:
        raise ModelFileError(
            "M02", path, f"not a model of this program: {error}", fix="Copy it again"
        ) from None
    if found.format != FORMAT or found.network not in get_args(NetworkName):
        named = found.format if found.format != FORMAT else f"network {found.network}"
        problem = f"of another version (found {named}, expected {FORMAT})"
        raise ModelFileError("M03", path, problem, fix="Train again, or use the version that wrote it")
    known = {name: described[name] for name in ("network", "pixel_size", "provenance", "working_pixel")}
    scale: GrayScale = "positive" if found.normalization == SCALES["positive"] else "z-score"
    return Model(weights=weights, scale=scale, path=path, **known)
