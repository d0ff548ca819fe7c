from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np

from cryoden.simulation.exposure import SAMPLE as SCENE
from cryoden.simulation.exposure import exposed
from cryoden.simulation.sample import SAMPLE, sample_pairs, scene


def test_the_sample_is_what_the_simulator_makes_of_its_scene() -> None:
    assert scene() == repr(SCENE)  # else: python scripts/make_sample.py
    pairs, again = sample_pairs(), exposed(replace(SCENE, seed=1))
    assert [pair.even.name for pair in pairs] == ["sample1_EVN", "sample2_EVN"]
    for stored, simulated in ((pairs[0].even, again.even), (pairs[0].odd, again.odd)):
        pixels = stored.window(0, 0, *stored.shape)
        assert np.mean(pixels == simulated) > 0.99  # processors round differently
        assert stored.pixel_size == SCENE.pixel_size


def test_each_call_gives_pixels_of_its_own() -> None:
    one, other = (sample_pairs()[0].even.window(0, 0, 64, 64) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.shares_memory(one, other)


def test_the_sample_is_small_and_needs_no_torch() -> None:
    assert SAMPLE.stat().st_size < 5e6
    words = "import sys; from cryoden.simulation.sample import sample_pairs; sample_pairs(); "
    subprocess.run([sys.executable, "-c", f"{words}assert 'torch' not in sys.modules"], check=True)
