from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.dataset.opening import read_micrograph
from cryoden.dataset.survey import files
from cryoden.events.batch import FileFailed, FileFinished, FileSkipped, TileFinished
from cryoden.io import mrc
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
    assert [(tile.done, tile.total) for tile in events if isinstance(tile, TileFinished)][-1] == (3, 3)
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
