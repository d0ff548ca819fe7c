from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter as gaussian

from cryoden.dataset.opening import read_micrograph
from cryoden.dataset.survey import files
from cryoden.events.batch import FileFailed, FileFinished, FileSkipped, TileFinished
from cryoden.io import mrc
from cryoden.io.result_stamp import is_confidence
from cryoden.model.checkpoint import Model, load, write
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from tests.cryoden.scenes import scene

EACH = BatchRequest(settings=DenoisingSettings(device="cpu", stack=True))


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    with mrcfile.new(tmp_path / "three.mrcs") as file:
        file.set_data(np.stack([scene(seed, (280, 300)).even.data * seed for seed in (1, 2, 3)]))
        file.set_image_stack()
        file.voxel_size = 2.5
        file.add_label("written by another program")
    return tmp_path / "three.mrcs"


def test_each_image_is_denoised_as_if_it_were_alone_and_header_and_order_stay(stack: Path) -> None:
    events = list(denoise_files([stack], stack.parent / "out", EACH))
    tiles = [tile for tile in events if isinstance(tile, TileFinished)]
    assert [tile.done for tile in tiles] == list(range(1, tiles[-1].total + 1))
    assert tiles[-1].total % 3 == 0
    result = stack.parent / "out" / "three_denoised.mrc"
    assert mrcfile.validate(result)
    with mrcfile.open(result) as file:
        assert file.is_image_stack()
        assert float(file.voxel_size.x) == 2.5
        assert "written by another program" in " ".join(file.get_labels())
        found = np.array(file.data)
    for number in range(3):
        alone = stack.parent / f"{number}.mrc"
        mrc.write(alone, read_micrograph(stack, section=number).data, pixel_size=2.5, label="one of three")
        list(denoise_files([alone], stack.parent / "out", EACH))
        np.testing.assert_array_equal(
            mrc.read(stack.parent / "out" / f"{number}_denoised.mrc").data, found[number]
        )


def test_a_stack_that_is_done_is_skipped_and_without_the_setting_refused(stack: Path) -> None:
    list(denoise_files([stack], stack.parent / "out", EACH))
    again = list(denoise_files([stack], stack.parent / "out", EACH))
    assert [event for event in again if isinstance(event, FileSkipped)]
    plain = BatchRequest(settings=DenoisingSettings(device="cpu"))
    refused = list(denoise_files([stack], stack.parent / "other", plain))
    assert not [event for event in refused if isinstance(event, FileFinished)]
    assert [event.message[:3] for event in refused if isinstance(event, FileFailed)] == ["F32"]


def test_a_list_of_files_says_what_a_stack_is(stack: Path) -> None:
    (found,) = files([stack], ReadingSettings())
    assert found.row()[1] == "stack"
    assert "3 images of 300 × 280: a stack" in " ".join(found.remarks())


def test_a_stack_has_its_confidence_in_a_stack_beside_it(tmp_path: Path) -> None:
    known, other = (scene(seed, (280, 300)).even.data for seed in (1, 2))
    unknown = other - gaussian(other, 2)  # less power in coarse structures than the noise has in fine ones
    with mrcfile.new(tmp_path / "two.mrcs") as file:
        file.set_data(np.stack([unknown, known]))
        file.set_image_stack()
        file.voxel_size = 2.5
    sure = BatchRequest(settings=DenoisingSettings(device="cpu", stack=True, confidence=True))
    events = list(denoise_files([tmp_path / "two.mrcs"], tmp_path / "out", sure))
    (done,) = [event for event in events if isinstance(event, FileFinished)]
    assert [one.text[:22] for one in done.warnings if one.code == "T12"] == ["image 1: no confidence"]
    assert is_confidence(tmp_path / "out" / "two_confidence.mrc")
    assert mrcfile.validate(tmp_path / "out" / "two_confidence.mrc")
    with mrcfile.open(tmp_path / "out" / "two_confidence.mrc") as file:
        assert (file.data.shape, file.data.min() >= 0.5, file.data[1].max() > 0.9) == (
            (2, 280, 300),
            True,
            True,
        )
        assert (file.data[0] == 0.5).all()


@pytest.mark.parametrize(
    ("change", "code"), [(lambda image: 0 * image, "F25"), (lambda image: image * 1e-9 + 1e4, "F25")]
)
def test_an_image_that_cannot_be_denoised_is_named_and_leaves_nothing(
    stack: Path, change: Any, code: str
) -> None:
    with mrcfile.open(stack, "r+") as file:
        file.data[1] = change(file.data[1])
    events = list(denoise_files([stack], stack.parent / "out", EACH))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert failed.code == code
    assert failed.problem.startswith("image 2 of 3: ")
    assert not list((stack.parent / "out").iterdir())


def test_a_constant_image_of_a_result_is_a_failure(stack: Path) -> None:
    general = load(GENERAL)
    silent = Model("unet", {name: 0 * w for name, w in general.weights.items()}, 1.0, working_pixel=3.0)
    write(silent, stack.parent / "silent.safetensors")
    batch = BatchRequest(
        stack.parent / "silent.safetensors", DenoisingSettings(device="cpu", stack=True, ring_gains=False)
    )
    events = list(denoise_files([stack], stack.parent / "out", batch))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert (failed.code, failed.problem[:13]) == ("O14", "image 1 of 3:")
    assert not list((stack.parent / "out").iterdir())


def test_no_more_of_a_stack_is_in_memory_than_an_image(tmp_path: Path) -> None:
    images, edge = 24, 512
    with mrcfile.new_mmap(tmp_path / "many.mrcs", (images, edge, edge), 2) as file:
        file.set_image_stack()
        for number in range(images):
            file.data[number] = np.random.default_rng(number).normal(size=(edge, edge))
        file.voxel_size = 3.0
    plain = DenoisingSettings(device="cpu", stack=True, ring_gains=False, auto_invert=False)
    first, most = None, 0
    tracemalloc.start()
    for event in denoise_files([tmp_path / "many.mrcs"], tmp_path / "out", BatchRequest(settings=plain)):
        held, _ = tracemalloc.get_traced_memory()
        if isinstance(event, TileFinished):
            first, most = first or held, max(most, held)
    tracemalloc.stop()
    assert first is not None
    assert most - first < 4 * 4 * edge * edge


def test_particles_are_refused_as_a_whole(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "particles.mrcs") as file:
        file.set_data(np.random.default_rng(0).normal(size=(5, 64, 64)).astype("f4"))
        file.set_image_stack()
    events = list(denoise_files([tmp_path / "particles.mrcs"], tmp_path / "out", EACH))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert failed.code == "F32"
    assert failed.problem.startswith("5 images of 64 × 64: a stack of particles")
