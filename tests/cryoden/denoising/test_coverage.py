from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.denoising.coverage import FEWEST, Scenes, remarks
from cryoden.denoising.denoise import Denoiser, finished
from cryoden.denoising.signal_ratios import FAINTEST, STRONGEST
from cryoden.errors import ModelFileError
from cryoden.events.quality import UNCOVERED, Coverage
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.micrograph import Array, Micrograph, Pixels
from cryoden.model.checkpoint import Model, load, write
from cryoden.model.conditioning import BANDS, unknown
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.sample import sample_pairs
from tests.cryoden.hostile import DATA

CPU = DenoisingSettings(device="cpu")
MODEL = load(GENERAL)
SCENES = np.array(MODEL.provenance["scenes"])


def covered(numbers: Array) -> Coverage:
    scenes = Scenes.of(MODEL)
    assert scenes is not None
    found = scenes.coverage(np.append(numbers, 1.0))
    assert found is not None
    return found


def with_scenes(scenes: Any) -> Model:
    return replace(MODEL, provenance={"scenes": scenes})


def test_scenes_of_the_training_are_usual_and_each_is_as_rare_as_its_rank() -> None:
    shares = np.sort([covered(one).share for one in SCENES[::6]])
    assert (shares >= 0.02).mean() > 0.95
    assert np.median(shares) == pytest.approx(0.5, abs=0.2)


def test_scenes_like_those_of_the_training_but_not_among_them_are_usual() -> None:
    known, others = SCENES[::2], SCENES[1::2]
    scenes = Scenes.of(with_scenes(known.tolist()))
    assert scenes is not None
    found = [scenes.coverage(np.append(one, 1.0)) for one in others]
    assert np.mean([one is not None and one.is_usual for one in found]) > 0.95


def test_signal_far_above_the_noise_in_the_finest_detail_is_unusual() -> None:
    found = covered(np.full(len(BANDS) - 1, np.log10(STRONGEST) + 1))
    assert found.share == 0
    assert re.search(
        rf"\(none of {len(SCENES)} scenes .* times more signal over noise finer than 56 Å", found.words
    )
    assert "coarser" not in found.words


def test_a_spectrum_upside_down_is_unusual_at_both_ends_and_says_which_way() -> None:
    found = covered(SCENES.mean(axis=0)[::-1])
    assert not found.is_usual
    assert re.search(r"times less signal over noise coarser than 280 Å \(background", found.words)
    assert re.search(r"times more signal over noise finer than 56 Å \(detail", found.words)


def test_particles_of_one_size_above_all_else_are_named_as_such() -> None:
    spectrum = np.full(len(BANDS) - 1, -1.0)
    spectrum[BANDS.index(140) : BANDS.index(75)] = 3.4
    found = covered(spectrum)
    assert not found.is_usual
    assert "more signal over noise at 280 to 56 Å (the size of particles)" in found.words


def test_noise_alone_is_usual_and_how_faint_it_is_makes_no_difference() -> None:
    faint = [covered(np.full(len(BANDS) - 1, np.log10(signal) + 1)) for signal in (FAINTEST, 0.01, 0.03)]
    assert faint[0].is_usual
    assert len(set(faint)) == 1


def test_nothing_is_said_where_the_noise_is_unknown_or_the_model_lists_few_scenes_or_none() -> None:
    scenes = Scenes.of(MODEL)
    assert scenes is not None
    assert scenes.coverage(unknown()) is None
    assert Scenes.of(replace(MODEL, provenance={})) is None
    assert Scenes.of(with_scenes(SCENES[: FEWEST - 1].tolist())) is None
    assert remarks(None) == remarks(covered(SCENES[0])) == ()


@pytest.mark.parametrize(
    "scenes",
    [
        "many", [1.0], [["1"] * 14], [[0.0] * 13], [[0.0] * 15], [[float("nan")] * 14], [[1e999] * 14],
        [[10**400] * 14], [[None] * 14], {"a": 1}, None, [[[0.0]] * 14], [[]],
    ],
)  # fmt: skip
def test_a_damaged_list_of_scenes_is_one_line(scenes: Any) -> None:
    with pytest.raises(ModelFileError, match=r"^M02  .*provenance\.scenes.*Copy it again\.$") as caught:
        Denoiser(with_scenes(scenes), CPU)
    assert len(str(caught.value).splitlines()) == 1


def unlike_the_training(edge: int = 512) -> Pixels:
    """Return noise with strong lattice-fine structure and a background flatter than any ice."""
    noise = np.random.default_rng(0).standard_normal((edge, edge), np.float32)
    rows, columns = np.fft.fftfreq(edge)[:, None] / 1.5, np.fft.rfftfreq(edge)[None] / 1.5
    frequency = np.hypot(rows, columns)
    shaped = np.fft.rfft2(noise) * np.where((frequency > 1 / 30) & (frequency < 1 / 12), 8, 1)
    return np.asarray(np.fft.irfft2(shaped, s=noise.shape), np.float32)


def test_a_micrograph_unlike_the_training_is_denoised_with_a_warning(tmp_path: Path, capsys: Any) -> None:
    mrc.write(tmp_path / "odd.mrc", unlike_the_training(), pixel_size=1.5, label="made for a test")
    asked = ["denoise", str(tmp_path / "odd.mrc"), "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert main(asked) == 0
    said = " ".join("".join(capsys.readouterr()).split())
    assert re.search(rf"{UNCOVERED}: The model's training hardly covers .* finer than 56 Å .* low-pass", said)


def warned(micrograph: Micrograph, model: Model = MODEL) -> list[str]:
    result = finished(Denoiser(model, CPU).denoise(micrograph)).micrograph
    return [one.code for one in result.warnings if one.code == UNCOVERED]


def test_a_plain_model_with_scenes_says_so_too() -> None:
    odd = Micrograph(unlike_the_training(), 1.5, "odd")
    weights = {name: value for name, value in MODEL.weights.items() if not name.startswith("conditioning.")}
    plain = replace(MODEL, weights=weights)
    assert warned(odd, plain) == [UNCOVERED]
    assert not warned(odd, replace(plain, provenance={}))


def real() -> Iterator[Path]:
    yield from (DATA / "k2_counting").glob("*_EVN.mrc")
    yield from sorted((DATA / "apoferritin_pairs").glob("*.mrc"))
    yield from DATA.glob("*.mrc")


@pytest.mark.skipif(not DATA.is_dir(), reason="no real micrographs at ../shared/data")
def test_real_micrographs_of_single_particles_are_covered() -> None:
    denoiser = Denoiser(MODEL, CPU)
    shares = {path.name: denoiser.coverage(micrographs.read(path)) for path in real()}
    assert len(shares) > 20
    assert not [name for name, found in shares.items() if found is None or found.share < 0.05]


def test_simulated_micrographs_that_come_with_the_program_are_covered() -> None:
    denoiser = Denoiser(MODEL, CPU)
    for pair in sample_pairs():
        half = pair.even
        found = denoiser.coverage(Micrograph(half.window(0, 0, *half.shape), half.pixel_size, half.name))
        assert found is not None
        assert found.share > 0.1


def test_the_list_survives_the_model_file(tmp_path: Path) -> None:
    write(MODEL, tmp_path / "m.safetensors", half=True)
    again = Scenes.of(load(tmp_path / "m.safetensors"))
    first = Scenes.of(MODEL)
    assert again is not None
    assert first is not None
    assert np.array_equal(again.distances, first.distances)
