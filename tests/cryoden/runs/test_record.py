from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cryoden.denoising.denoise import denoise
from cryoden.errors import RunError
from cryoden.events.batch import MicrographDenoised
from cryoden.model import checkpoint
from cryoden.runs import record
from cryoden.runs.compare import opened
from cryoden.runs.folder import KINDS, RunFolder
from cryoden.runs.record import SETTINGS
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings
from tests.cryoden.scenes import scene

OLD = Path(__file__).with_name("written_by_0_1")


@pytest.mark.parametrize(
    ("name", "kind", "epochs"), [("trained", TrainingSettings, 3), ("baseline", BaselineSettings, 1)]
)
def test_a_run_folder_of_an_earlier_version_is_read_whole(name: str, kind: type, epochs: int) -> None:
    old = record.read(OLD / name)
    history = old.history()
    assert isinstance(old.started.settings, kind)
    assert old.state == "completed"
    assert len(history.epochs) == epochs + 1
    assert min(epoch.validation_loss for epoch in history.epochs) == old.figure("best", "validation_loss")
    assert opened(str(OLD / name)).name == name


@pytest.mark.parametrize("name", ["trained", "baseline"])
def test_a_model_of_an_earlier_version_denoises(name: str) -> None:
    model = checkpoint.load(OLD / name / "model.safetensors")
    (micrograph,) = (
        event.micrograph
        for event in denoise(scene(1, (128, 128)).even, model, DenoisingSettings(device="cpu"))
        if isinstance(event, MicrographDenoised)
    )
    assert micrograph.shape == (128, 128)
    assert micrograph.data.std() > 0


def test_a_run_folder_names_its_settings_by_a_word_that_outlives_the_class() -> None:
    assert {SETTINGS[word] for word in KINDS.values()} == set(KINDS)
    assert not {kind.__name__ for kind in KINDS} & set(KINDS.values())


def test_a_run_of_unknown_settings_is_told_as_damaged_and_left_alone(tmp_path: Path) -> None:
    shutil.copytree(OLD / "trained", tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    about = json.loads(folder.record.read_text()) | {"settings": "dreaming"}
    folder.record.write_text(json.dumps(about))
    with pytest.raises(RunError, match="R02"):
        _ = record.read(folder.path).started
    assert json.loads(folder.record.read_text()) == about
