from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from cryoden.checkpoints.checkpoint_file import read, write
from cryoden.errors import RunError, TrainingError
from cryoden.events.training import TrainingState

STATE = TrainingState(
    120,
    {
        "engine/w": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "random/torch": np.arange(9, dtype=np.uint8),
    },
    {"losses": [0.1, 1 / 3], "train_loss": math.nan, "epochs": [{"words": "gut – µ"}]},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(STATE, tmp_path / "a")
    return tmp_path / "a"


def test_a_state_comes_back_bit_for_bit(path: Path) -> None:
    found = read(path)
    assert found.step == 120
    assert {name: (one.dtype, one.shape) for name, one in found.arrays.items()} == {
        name: (one.dtype, one.shape) for name, one in STATE.arrays.items()
    }
    assert all(np.array_equal(found.arrays[name], STATE.arrays[name]) for name in STATE.arrays)
    assert found.values["losses"] == STATE.values["losses"]
    assert math.isnan(found.values["train_loss"])
    assert found.values["epochs"] == STATE.values["epochs"]
    assert found.fingerprint == STATE.fingerprint


def test_a_flipped_bit_anywhere_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(RunError, match=r"R0[34]"):
            read(path)


def test_a_truncated_file_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for length in (0, 7, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(RunError, match=r"R04 .*damaged.*It was not used"):
            read(path)


def test_a_file_of_another_version_or_program_is_refused(tmp_path: Path) -> None:
    save_file({"values": np.zeros(1, np.uint8)}, tmp_path / "a", {"format": "cryoden-checkpoint-9"})
    with pytest.raises(RunError, match=r"R03 .*found cryoden-checkpoint-9, expected cryoden-checkpoint-1"):
        read(tmp_path / "a")


def test_weights_that_are_nan_are_never_kept(tmp_path: Path) -> None:
    bad = TrainingState(1, {"engine/w": np.array([1, np.nan], np.float32)}, {})
    with pytest.raises(TrainingError, match="engine/w has NaN"):
        write(bad, tmp_path / "a")
    assert not (tmp_path / "a").exists()
