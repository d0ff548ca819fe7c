"""The state of every random generator of a process, as arrays.

A run draws from none of them: its patches, orders and weights follow from its seed by generators of their
own. But whatever a library draws, it draws the same after a run was resumed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def random_state() -> Arrays:
    """Return the states of Python, NumPy, torch and its GPUs."""
    _, numbers, gauss = random.getstate()
    _, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002  the one that libraries share
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    return {
        "python": np.array(numbers, np.uint32),
        "python/gauss": np.array([gauss] if gauss is not None else [], np.float64),
        "numpy": np.array(keys, np.uint32),
        "numpy/rest": np.array(rest, np.float64),
        "torch": torch.get_rng_state().numpy().copy(),
        **{f"cuda/{number}": state.numpy().copy() for number, state in enumerate(gpus)},
    }


def restore_random_state(arrays: Arrays) -> None:
    """Put the generators into these states; a GPU that is not there is passed over."""
    if "torch" not in arrays:
        return
    gauss = arrays["python/gauss"].tolist()
    random.setstate((3, tuple(arrays["python"].tolist()), gauss[0] if gauss else None))
    place, has_gauss, cached = arrays["numpy/rest"].tolist()
    np.random.set_state(("MT19937", arrays["numpy"], int(place), int(has_gauss), cached))  # noqa: NPY002  as above
    torch.set_rng_state(torch.from_numpy(arrays["torch"].copy()))
    for number in range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0):  # type: ignore[no-untyped-call]
        if f"cuda/{number}" in arrays:
            torch.cuda.set_rng_state(torch.from_numpy(arrays[f"cuda/{number}"].copy()), number)
