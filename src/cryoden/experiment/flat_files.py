"""Arrays as flat files that any language reads: little-endian float32, and an index in plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = "cryoden-export-1"
INDEX, LOSSES, ORDER, README = "index.txt", "losses.txt", "order.txt", "README.txt"
STATES = {
    "initial": "before the first step",
    "gradient": "derivative of the loss of the first batch before the first step",
    "stepped": "after one step on the first batch",
    "final": "saved by the run",
}
MEANINGS = {
    "noisy": "what the network is given (batch, pair, channel, y, x)",
    "target": "what its output is compared with (batch, pair, channel, y, x)",
    "conv1": "first batch, initial weights: first convolution (pair, channel, y, x)",
    "relu1": "the same after max(0, .)",
    "conv2": "second convolution",
    "relu2": "the same after max(0, .)",
    "output": "third convolution, the result",
    "losses": "mean squared error of each step, before the weights moved; batches in turns",
    "final_output": "output for the first batch with the kept weights",
    "final_loss": "its mean squared error",
    "learning_rate": "weight = weight - learning_rate * gradient",
}
EXPLAINED = """The baseline experiment of cryoden, to write and check another implementation with.

index.txt   one array a line; lines that begin with # are comments:
            name file type rank sides... "meaning"
losses.txt  step and loss in float64, for those who want more digits than losses.bin has
order.txt   the run's own order of its data set: epoch, and pair counted from 0, one a line; a step takes
            the next "batch" lines, the last one of an epoch what is left. Not there for synthetic pairs.

Arrays      Flat files of little-endian IEEE float32 without a header, in row-major (C) order:
            the last side runs fastest. In Fortran, declare the sides in reverse order, and
            nothing has to be transposed: noisy is (x, y, channel, pair, batch) there.
Weights     (out, in, ky, kx), biases (out). In Fortran (kx, ky, in, out).
Network     1 -> 16 -> 16 -> 1 channels, 3 x 3 kernels, stride 1, ReLU after the first two:
            conv1 = weight1 * noisy + bias1   relu1 = max(0, conv1)
            conv2 = weight2 * relu1 + bias2   relu2 = max(0, conv2)
            output = weight3 * relu2 + bias3
Kernels     are not flipped (cross-correlation), with zeros around the image:
            out(o, y, x) = bias(o) + sum over i, ky, kx of
                           weight(o, i, ky, kx) * in(i, y + ky - 1, x + kx - 1),   ky, kx = 0, 1, 2
Loss        mean of (output - target)^2 over all pixels of the batch
Step        weight = weight - learning_rate * gradient, the same for biases; no momentum.
            The derivative of max(0, z) is 1 for z > 0, else 0.
Training    begins with the initial weights; step s, from 0, takes batch mod(s, batches).

All values were computed in float64 from the float32 inputs and rounded once. A program in
float32 should agree with every array within 1e-5 of that array's largest absolute value;
sum losses and gradients over pixels in float64 or in parts, row by row.
"""


def write(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    losses: NDArray[np.float64],
    about: Mapping[str, str],
    order: str = "",
) -> None:
    """Write arrays, index, losses and a page of explanation into an empty folder.

    Parameters
    ----------
    folder : Path
        Where; the caller publishes it.
    arrays : mapping of str to ndarray
        Of any number format, by names that `meaning` knows.
    losses : ndarray
        ``(steps,)`` float64.
    about : mapping of str to str
        What the index says of where they are from.
    order : str
        What `order_text` made, where it is known.
    """
    for name, values in arrays.items():
        (folder / f"{name}.bin").write_bytes(np.ascontiguousarray(values, dtype="<f4").data)
    texts = {INDEX: index(arrays, about), LOSSES: _told(losses), README: EXPLAINED}
    texts |= {ORDER: order} if order else {}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii", errors="backslashreplace", newline="\n")


def index(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, str]) -> str:
    """Return the index of arrays as text."""
    facts = {"format": FORMAT, "byte order": "little", **about}
    head = [f"# {name}: {value}" for name, value in facts.items()]
    columns = '# name file type rank sides (row-major: the last runs fastest) "meaning"'
    return "\n".join([*head, columns, *_lines(arrays)]) + "\n"


def _lines(arrays: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    for name, values in arrays.items():
        sides = " ".join(map(str, values.shape))
        yield f'{name} {name}.bin float32 {values.ndim} {sides} "{meaning(name)}"'


def meaning(name: str) -> str:
    """Return what an array is, in ASCII."""
    if name in MEANINGS:
        return MEANINGS[name]
    state, what = name.split("_")
    kind, layer = what[:-1], what[-1]
    sides = " (out, in, ky, kx)" if kind == "weight" else ""
    return f"{kind} of convolution {layer}{sides}, {STATES[state]}"


def order_text(batch: int, epochs: Iterable[NDArray[np.int64]]) -> str:
    """Return which pairs each epoch takes, in its order, as text."""
    head = [f"# batch: {batch}", "# epoch pair"]
    lines = (f"{epoch} {pair}" for epoch, pairs in enumerate(epochs, start=1) for pair in pairs.tolist())
    return "\n".join([*head, *lines]) + "\n"


def _told(losses: NDArray[np.float64]) -> str:
    """Return the losses as text; `repr` of a float64 is read back to the same number."""
    lines = (f"{step} {float(loss)!r}" for step, loss in enumerate(losses, start=1))
    return "\n".join(["# step loss (float64)", *lines]) + "\n"
