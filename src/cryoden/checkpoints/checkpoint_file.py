"""The state of a run as one safetensors file, with a hash of all that is in it.

Nothing in such a file is ever executed. Plain values lie in it as JSON, in an array of bytes: the header of
the format has a limit, and a long run has many epochs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cryoden.errors import RunError, TrainingError, printable
from cryoden.events.training import TrainingState

FORMAT = "cryoden-checkpoint-1"
VALUES = "values"  # no part of a state is called so


def write(state: TrainingState, path: Path) -> None:
    """Write a state to exactly this path; the caller publishes it.

    Raises
    ------
    TrainingError
        T20 for weights that are NaN or infinite: nothing could be resumed from them.
    """
    bad = [name for name, values in state.arrays.items() if not np.isfinite(values).all()]
    if bad:
        raise TrainingError("T20", None, f"{bad[0]} has NaN or infinite values")
    text = json.dumps({"step": state.step, "values": state.values})
    arrays = {name: np.ascontiguousarray(values) for name, values in state.arrays.items()}
    arrays[VALUES] = np.frombuffer(text.encode(), np.uint8)
    path.write_bytes(save(arrays, {"format": FORMAT, "sha256": _fingerprint(arrays)}))


def read(path: Path) -> TrainingState:
    """Read a state and prove that it is whole.

    Raises
    ------
    RunError
        R04 for a file that is not whole, R03 for one of another version.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        if about.get("format") != FORMAT:
            problem = f"of another version (found {about.get('format')}, expected {FORMAT})"
            raise RunError("R03", path, problem, fix="Use the version that wrote it")
        if about.get("sha256") != _fingerprint(arrays):
            raise ValueError("checksum differs")  # noqa: TRY301  it is said of all that can be wrong
        found = json.loads(arrays.pop(VALUES).tobytes())
        return TrainingState(int(found["step"]), arrays, dict(found["values"]))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path, str(error)) from None


def damaged(path: Path, words: str) -> RunError:
    """Return what is said of a file that is no whole state."""
    return RunError("R04", path, f"damaged: {printable(words)}", kept="It was not used")


def _fingerprint(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
