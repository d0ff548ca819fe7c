from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from cryoden.errors import OutputError
from cryoden.formats.stack_file import StackFile
from cryoden.io.mrc_header_copy import original

IMAGES = (
    np.random.default_rng(3).normal(5, 2, (4, 30, 40)).astype(np.float32)
    * np.arange(1, 5, dtype="f4")[:, None, None]
)


@pytest.fixture
def like(tmp_path: Path) -> Path:
    with mrcfile.new(tmp_path / "raw.mrcs") as file:
        file.set_data(IMAGES)
        file.set_image_stack()
        file.voxel_size = 1.25
        file.set_extended_header(np.frombuffer(b"kept" * 20, "V1"))
        file.header.exttyp = b"MRCO"
    return tmp_path / "raw.mrcs"


@pytest.mark.parametrize("pixel_format", ["float32", "float16"])
def test_a_stack_written_image_by_image_is_as_if_it_was_written_at_once(
    tmp_path: Path, like: Path, pixel_format: Any
) -> None:
    with StackFile(
        tmp_path / "new.mrcs", 4, like=original(like), label="made for a test", output=pixel_format
    ) as file:
        for image in IMAGES:
            file.add(image, 1.25)
    assert mrcfile.validate(tmp_path / "new.mrcs")
    with mrcfile.open(tmp_path / "new.mrcs") as new:
        kept = IMAGES.astype(pixel_format).astype(np.float64)
        np.testing.assert_array_equal(new.data, kept)
        header = new.header
        found = [float(header[name]) for name in ("dmin", "dmax", "dmean")]
        np.testing.assert_allclose(found, [kept.min(), kept.max(), kept.mean()], rtol=1e-5)
        assert float(header.rms) == (-1 if pixel_format == "float16" else pytest.approx(kept.std(), rel=1e-6))
        assert (new.is_image_stack(), int(header.mz), float(new.voxel_size.x)) == (True, 1, 1.25)
        assert new.extended_header.tobytes() == b"kept" * 20
        assert new.get_labels()[-1] == "made for a test"


def test_what_cannot_be_stored_is_refused(tmp_path: Path, like: Path) -> None:
    with (
        pytest.raises(OutputError, match="O13"),
        StackFile(
            tmp_path / "new.mrcs", 4, like=original(like), label="made for a test", output="float16"
        ) as file,
    ):
        file.add(IMAGES[0] * 1e6, 1.25)


def test_a_stack_that_lacks_images_is_no_stack(tmp_path: Path, like: Path) -> None:
    with (
        pytest.raises(ValueError, match="1 of 4 images"),
        StackFile(
            tmp_path / "new.mrcs", 4, like=original(like), label="made for a test", output="float32"
        ) as file,
    ):
        file.add(IMAGES[0], 1.25)
