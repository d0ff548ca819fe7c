from __future__ import annotations

from pathlib import Path

import numpy as np

from cryoden.experiment import flat_files


def test_an_array_is_little_endian_float32_and_the_index_tells_its_sides(tmp_path: Path) -> None:
    output = np.arange(6, dtype=np.float64).reshape(2, 3) / 3
    flat_files.write(tmp_path, {"output": output}, np.array([0.1, 1 / 3]), {"run": "r"})
    read = np.fromfile(tmp_path / "output.bin", "<f4").reshape(2, 3)
    np.testing.assert_array_equal(read, output.astype(np.float32))
    lines = (tmp_path / flat_files.INDEX).read_text().splitlines()
    assert "# run: r" in lines
    assert lines[-1] == 'output output.bin float32 2 2 3 "third convolution, the result"'


def test_losses_are_read_back_to_the_last_digit(tmp_path: Path) -> None:
    losses = np.array([0.1, 1 / 3, 2e-17])
    flat_files.write(tmp_path, {}, losses, {})
    rows = [line.split() for line in (tmp_path / flat_files.LOSSES).read_text().splitlines()[1:]]
    assert [step for step, _ in rows] == ["1", "2", "3"]
    assert [float(loss) for _, loss in rows] == losses.tolist()


def test_weights_are_told_by_kind_layer_and_state() -> None:
    assert flat_files.meaning("initial_weight2") == (
        "weight of convolution 2 (out, in, ky, kx), before the first step"
    )
