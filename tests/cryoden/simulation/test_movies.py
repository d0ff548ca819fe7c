"""Movies with a known drift, and the sums that the alignment makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.dataset.opening import read_micrograph
from cryoden.image.correlation import pearson
from cryoden.io.mrc_probe import probe
from cryoden.movies.readers import open_movie
from cryoden.movies.shift_tables import read_shifts
from cryoden.settings.tools import SimulationSettings
from cryoden.simulation.files import simulate_files
from cryoden.simulation.movies import drifted

SMALL = SimulationSettings(
    count=1, edge=320, pixel_size=3.0, particles=25, dose=60, defocus=2.0, movies=10, drift=24, device="cpu"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filmed")
    list(simulate_files(folder, SMALL))
    return folder


def known(folder: Path) -> np.ndarray:
    return np.array(json.loads((folder / "particles/sim0000.json").read_text())["shifts_down_right_A"])


def test_frames_are_counts_that_share_the_dose(folder: Path) -> None:
    path = folder / "movies/sim0000.mrcs"
    assert (probe(path).mode, probe(path).nz) == (6, 10)
    with open_movie(path) as movie:
        frames = np.stack([movie.frame(index) for index in range(movie.frames)])
    assert movie.pixel_size == pytest.approx(3.0)
    full = read_micrograph(folder / "full/sim0000.mrc").data
    assert frames.sum(0).mean() == pytest.approx(full.mean(), rel=0.01)
    np.testing.assert_array_equal(frames, np.rint(frames))
    # Of two late frames, between which little moves, what differs is the counting noise of both.
    assert (frames[9] - frames[8]).var() / (2 * frames[9].mean()) == pytest.approx(1.0, abs=0.1)


def test_drift_is_fast_at_first_and_as_far_as_asked() -> None:
    shifts = drifted(40, 20.0, seed=3)
    steps = np.hypot(*np.diff(shifts, axis=0).T)
    assert steps[:10].sum() > 2 * steps[-10:].sum()
    assert np.hypot(*shifts[-1]) == pytest.approx(20, abs=2)
    assert (shifts[0] == 0).all()
    assert not np.allclose(drifted(40, 20.0, seed=4)[-1], shifts[-1], atol=1)


def test_halves_of_its_list_find_the_drift_and_the_particles(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["halves", str(folder / "movies.star"), "--output", "sums", "--device", "cpu"]) == 0
    _, right, down = read_shifts(Path("sums/sim0000_shifts.star"))
    np.testing.assert_allclose(np.stack([down, right], 1), known(folder), atol=3.0)
    clean = read_micrograph(folder / "clean_with_ice/sim0000.mrc").data
    found = pearson(read_micrograph(Path("sums/sim0000.mrc")).data, clean)
    with open_movie(folder / "movies/sim0000.mrcs") as movie:
        unmoved = sum(movie.frame(index) for index in range(10))
    assert found > pearson(np.asarray(unmoved), clean) + 0.02
    assert found == pytest.approx(pearson(read_micrograph(folder / "full/sim0000.mrc").data, clean), abs=0.05)


def test_an_integrating_camera_has_movies_of_charge_and_none_are_made_unasked(tmp_path: Path) -> None:
    list(
        simulate_files(tmp_path / "a", replace(SMALL, detector="integrating", movies=2, edge=64, particles=1))
    )
    assert probe(tmp_path / "a/movies/sim0000.mrcs").mode == 2
    list(simulate_files(tmp_path / "b", replace(SMALL, movies=0, edge=64, particles=1)))
    assert not (tmp_path / "b/movies").exists()
    assert not (tmp_path / "b/movies.star").exists()
