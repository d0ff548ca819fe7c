from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cryoden.simulation.assemblies import AssemblyRecipe, assembly
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import counted, exposed, seen
from cryoden.simulation.optics import Optics
from cryoden.simulation.placement import placed
from cryoden.simulation.scene import Scene
from tests.cryoden.scenes import correlation

SCENE = Scene(edge=512, particles=25, recipes=(AssemblyRecipe("D2", 460),), seed=1)
EXPOSURE = exposed(SCENE)
CPU = torch.device("cpu")


def test_a_seed_stands_for_one_exposure() -> None:
    scene = replace(SCENE, edge=128, particles=2, carbon=0.3, gold=1, contamination=1)
    one, same, other = (exposed(replace(scene, seed=seed)) for seed in (3, 3, 4))
    for kind in ("even", "odd", "clean", "clean_with_ice"):
        assert np.array_equal(getattr(one, kind), getattr(same, kind))
        assert not np.array_equal(getattr(one, kind), getattr(other, kind))


def test_the_halves_count_what_is_expected_and_no_more() -> None:
    assert EXPOSURE.even.mean() == pytest.approx(0.85 * 40 / 2 * 2.0**2, rel=0.01)
    for half in (EXPOSURE.even, EXPOSURE.odd):
        noise = half - EXPOSURE.clean_with_ice
        assert abs(noise.mean()) < 5 * (68 / 512**2) ** 0.5
        assert noise.var() == pytest.approx(68, rel=0.01)  # Poisson: the mean


def test_the_halves_share_the_scene_and_not_the_noise() -> None:
    even, odd, truth = EXPOSURE.even, EXPOSURE.odd, EXPOSURE.clean_with_ice
    chance = 5 / 512
    assert abs(correlation(even - truth, odd - truth)) < chance
    assert abs(correlation(even - truth, truth)) < chance
    shared = np.cov(even.ravel(), odd.ravel())[0, 1]
    assert shared == pytest.approx(truth.var(), abs=float(chance * even.var()))
    assert truth.var() > 2 * chance * even.var()


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_halves_of_some_thirty_counts_share_no_noise_on_any_device(kind: str) -> None:
    """A GPU's generator loses count of the random numbers that such a Poisson variable takes."""
    if kind == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    scene = Scene(edge=512, pixel_size=1.3, particles=0, dose=42.0, slope=0.0, seed=7)
    found = exposed(scene, device=torch.device(kind))
    noise = [half - found.clean_with_ice for half in (found.even, found.odd)]
    assert found.even.mean() == pytest.approx(30, abs=0.5)
    assert abs(correlation(*noise)) < 5 / 512


def test_the_sum_is_both_halves() -> None:
    assert np.array_equal(EXPOSURE.full, EXPOSURE.even + EXPOSURE.odd)


def test_particles_are_the_clean_part_of_what_the_halves_share() -> None:
    even = replace(SCENE, slope=0.0)
    full, empty = exposed(even), exposed(replace(even, particles=0))
    np.testing.assert_allclose(full.clean_with_ice - empty.clean_with_ice, full.clean, atol=1e-3)
    assert full.clean.std() > 1
    assert not exposed(replace(SCENE, particles=0, edge=64)).clean.any()


def test_what_is_added_to_a_contrast_is_counted_in_both_halves_and_not_in_the_truth() -> None:
    scene = Scene(edge=128, particles=3)
    contrast = seen(scene, [assembly(recipe) for recipe in scene.recipes], CPU)
    added = torch.randn_like(contrast.objects)
    usual, one = exposed(scene), counted(replace(contrast, objects=contrast.objects + added), scene)
    assert np.array_equal(one.clean, usual.clean)
    for half in (one.even, one.odd):
        assert correlation(half, contrast.cropped(added).numpy()) > 0.5
    assert np.array_equal(counted(contrast, scene).even, usual.even)


def test_a_particle_at_one_edge_leaves_nothing_at_the_other() -> None:
    scene = Scene(edge=256, particles=1, recipes=(AssemblyRecipe("C1", 150),))
    structures = [assembly(recipe) for recipe in scene.recipes]

    def row(seed: int) -> float:
        (found,) = placed(replace(scene, seed=seed), structures, np.random.default_rng((seed, 1)))
        return found.center[0]

    seed = next(seed for seed in range(1000) if row(seed) < 4)
    energy = np.square(exposed(replace(scene, seed=seed)).clean).sum(axis=1)
    assert energy[-32:].sum() < 1e-3 * energy.sum()
    assert energy[:64].sum() > 0.9 * energy.sum()


def test_dose_and_efficiency_count_as_they_should() -> None:
    scene = replace(
        SCENE, edge=128, particles=0, dose=10.0, pixel_size=3.0, detector=Detector(efficiency=0.5)
    )
    assert exposed(scene).even.mean() == pytest.approx(0.5 * 10 / 2 * 3.0**2, rel=0.02)


def test_an_integrating_camera_blurs_truth_and_noise_alike() -> None:
    scene = replace(SCENE, detector=Detector(integrating=True, transfer=0.2))
    found = exposed(scene)
    noise = found.even - found.clean_with_ice
    assert correlation(noise[:, :-1], noise[:, 1:]) > 0.1
    assert abs(correlation(noise, found.clean_with_ice)) < 0.02
    assert abs(correlation(noise, found.odd - found.clean_with_ice)) < 5 / 512


def test_thicker_ice_and_solids_let_fewer_electrons_through() -> None:
    structures = [assembly(recipe) for recipe in SCENE.recipes]
    scene = replace(SCENE, edge=256, particles=0, slope=0.0)
    bare = seen(scene, structures, CPU).transmission
    assert torch.equal(bare, torch.ones_like(bare))
    film = seen(replace(scene, carbon=0.5), structures, CPU).transmission
    assert film.min().item() == pytest.approx(np.exp(-150 / 1800), rel=1e-3)
    bead = seen(replace(scene, gold=4), structures, CPU).transmission
    assert np.exp(-110 / 120) - 1e-3 < bead.min() < np.exp(-85 / 120)
    wedge = -3500 * seen(replace(scene, slope=0.5), structures, CPU).transmission.log() / 400
    assert wedge.max() - wedge.min() > 0.4


def test_contrast_grows_with_the_defocus_and_falls_with_the_damage() -> None:
    def spread(scene: Scene) -> float:
        return float(exposed(scene).clean.std() / scene.dose)

    scene = replace(SCENE, edge=256, particles=6)
    near = replace(scene, optics=Optics(defocus=0.4))
    assert spread(near) < spread(scene)
    assert spread(replace(scene, dose=200.0)) < 0.9 * spread(scene)
