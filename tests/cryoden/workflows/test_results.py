from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import OutputError
from cryoden.formats.result_stamp import CONFIDENCE_LABEL, ResultStamp
from cryoden.io import mrc
from cryoden.io.mrc_probe import probe
from cryoden.micrograph import Micrograph
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows.results import Output, confidence_file, label_with, write_confidence

SURE = Micrograph(np.full((40, 50), 0.75, np.float32), 1.5, "m")


def place(folder: Path) -> Output:
    return Output(None, folder / "part", folder / "m_denoised.mrc", "a label", DenoisingSettings())


def test_the_label_of_a_result_names_the_model_by_its_run_and_ends_with_the_mark(tmp_path: Path) -> None:
    label = label_with(tmp_path / "run_2" / "model.safetensors", ResultStamp("a" * 8, "b" * 8, "c" * 8))
    assert "denoised with run_2" in label
    assert label.endswith("[aaaaaaaa-bbbbbbbb-cccccccc]")


def test_a_confidence_lies_beside_its_result_and_replaces_none_but_its_own(tmp_path: Path) -> None:
    path = tmp_path / "m_confidence.mrc"
    for _ in range(2):
        write_confidence(place(tmp_path), SURE)
        assert probe(path).labels[-1] == CONFIDENCE_LABEL
    mrc.write(path, SURE.data, pixel_size=1.5, label="made by another program")
    with pytest.raises(OutputError, match="O05"):
        write_confidence(place(tmp_path), SURE)


def test_a_confidence_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in the middle"), confidence_file(place(tmp_path)):
        raise ValueError("in the middle")
    assert not list(tmp_path.iterdir())
