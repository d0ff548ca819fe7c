"""Data sets of patch pairs on disk: written, gone on with, checked, and read back."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.compute.noise import with_noise
from cryoden.experiment.data_source import PairSource, patch_pairs
from cryoden.experiment.store import PatchStore
from cryoden.formats.micrographs import read
from tests.cryoden.experiment.patch_sets import ROOT, made, settings


def pair(store: PatchStore, index: int) -> Any:
    buffers = np.full((2, store.edge, store.edge), np.nan, np.float32)
    store.read(index, buffers[0], buffers[1])
    return buffers


@pytest.mark.parametrize("shard", [1, 5, 100])
def test_written_pairs_are_those_made_on_the_fly_bit_for_bit(
    micrographs: Path, tmp_path: Path, shard: int
) -> None:
    made(micrographs, tmp_path / "d", shard=shard)
    store, pairs = PatchStore(tmp_path / "d"), patch_pairs(PairSource([micrographs]), settings())
    for index in np.random.default_rng(0).permutation(len(pairs)).tolist():
        np.testing.assert_array_equal(pair(store, index), pairs.pair(index))


def test_float16_is_float32_to_its_precision_in_half_the_bytes(micrographs: Path, tmp_path: Path) -> None:
    small, whole = made(micrographs, tmp_path / "h", dtype="float16"), made(micrographs, tmp_path / "f")
    assert 2 * small.bytes == whole.bytes
    half, full = (pair(PatchStore(tmp_path / name), 7) for name in "hf")
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, full, rtol=2**-11, atol=2**-25)
    assert (half != full).any()


def test_a_pair_is_read_and_its_noise_made_again_as_the_page_on_patch_files_says(
    micrographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(micrographs, tmp_path / "pairs", clip=False, noise_seed=3)
    example = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "patch-files.md").read_text(), re.DOTALL)
    (tmp_path / "example.py").write_text(example[0])
    monkeypatch.chdir(tmp_path)
    found = runpy.run_path("example.py")
    np.testing.assert_array_equal(found["pair"], pair(PatchStore(tmp_path / "pairs"), 7))
    np.testing.assert_array_equal(found["noisy"], with_noise(found["target"], (3, 0, 7), 100, 0.05))
    index = found["index"]
    scale, source = index["scales"][1], index["sources"][1]
    pixels = (read(source["path"]).data[:64, 64:128] - scale["offset"]) / scale["divisor"]
    np.testing.assert_allclose(found["target"], pixels.clip(0, 1), atol=1e-6)
