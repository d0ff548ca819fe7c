from __future__ import annotations

import random

import numpy as np
import torch

from cryoden.checkpoints.random_state import random_state, restore_random_state


def drawn() -> list[float]:
    """Draw from all that a library may draw from; an odd number of normals leaves one behind."""
    python = [random.random(), random.gauss(0, 1)]  # noqa: S311  no secret
    return [*python, np.random.rand(), np.random.randn(), torch.rand(1).item(), torch.randn(3).sum().item()]  # noqa: NPY002


def test_every_generator_draws_again_what_it_drew() -> None:
    drawn()
    before = random_state()
    expected = [drawn(), drawn()]
    restore_random_state({name: values.copy() for name, values in before.items()})
    assert [drawn(), drawn()] == expected


def test_a_state_without_generators_changes_none() -> None:
    before = random_state()
    restore_random_state({})
    assert all(np.array_equal(before[name], values) for name, values in random_state().items())
