"""The baseline experiment as a run: small patches, the same rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from cryoden.checkpoints.random_state import random_state
from cryoden.cli import main
from cryoden.denoising import denoise
from cryoden.errors import PatchFileError, RunError, SettingsError, TrainingError
from cryoden.events.batch import MicrographDenoised
from cryoden.events.training import (
    EpochFinished,
    PhaseStarted,
    StepFinished,
    TrainingFinished,
    TrainingStarted,
)
from cryoden.experiment.build import build
from cryoden.experiment.data_source import data_source
from cryoden.experiment.pair_grid import divided
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.experiment.training_pairs import TrainingPairs
from cryoden.experiment.workflow import baseline, resume, train_on_pairs
from cryoden.formats.micrographs import open_micrograph
from cryoden.io import mrc
from cryoden.micrograph import Micrograph
from cryoden.model import checkpoint
from cryoden.model.networks import build as network
from cryoden.runs.folder import RunFolder
from cryoden.runs.record import read
from cryoden.settings.baseline import BaselineSettings, PatchSettings
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation import exposure
from cryoden.simulation.scene import Scene
from tests.cryoden.checkpoints.interrupted import differences, until

SMALL = PatchSettings(patch=64, stride=64, shard=16)
QUICK = BaselineSettings(device="cpu", epochs=2, learning_rate=0.05, validation_pairs=4, threads=2)


@pytest.fixture(scope="module")
def micrographs() -> list[Micrograph]:
    made = [exposure.simulated(Scene(edge=256, particles=8, seed=s), f"m{s}").even for s in (1, 2)]
    return [one for one in made if isinstance(one, Micrograph)]


@pytest.fixture(scope="module")
def pairs(micrographs: list[Micrograph]) -> PatchPairs:
    return PatchPairs(micrographs, None, SMALL)


@pytest.fixture(scope="module")
def events(pairs: PatchPairs) -> list[Any]:
    return list(train_on_pairs(pairs, QUICK))


def of(kind: type, events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_a_run_knows_the_pixel_size_of_its_micrographs_on_the_fly_and_from_disk(
    events: list[Any], pairs: PatchPairs, tmp_path: Path
) -> None:
    *_, _ = build(pairs, tmp_path / "set")
    known = pairs.micrographs[0].pixel_size
    assert known
    assert PatchStore(tmp_path / "set").pixel_size == known
    assert [started.pixel_size for started in of(TrainingStarted, events)] == [known]


def test_a_run_begins_steps_judges_each_epoch_and_ends(events: list[Any]) -> None:
    assert len(of(StepFinished, events)) == 8  # 16 pairs of the other micrograph, four a step, twice
    assert [epoch.epoch for epoch in of(EpochFinished, events)] == [0, 1, 2]
    assert isinstance(events[-1], TrainingFinished)
    assert events[-1].reason == "completed"


def test_the_first_loss_is_that_of_the_fresh_network_on_the_first_batch(
    events: list[Any], pairs: PatchPairs
) -> None:
    source = TrainingPairs(pairs, divided(pairs.grid, QUICK.validation_pairs)[0], QUICK)
    indices = [index for _, index in source.items(1, 1)]
    noisy, target = (
        torch.from_numpy(np.stack(side)[:, None]) for side in zip(*map(pairs.pair, indices), strict=True)
    )
    with torch.no_grad():
        expected = functional.mse_loss(network("baseline", QUICK.seed)(noisy), target)
    assert of(StepFinished, events)[0].loss == pytest.approx(float(expected), rel=1e-5)


def test_what_needs_no_training_is_measured_on_the_scale_of_the_pairs(
    events: list[Any], pairs: PatchPairs
) -> None:
    (started,) = of(TrainingStarted, events)
    training, held = divided(pairs.grid, QUICK.validation_pairs)
    noisy, target = (np.stack(side) for side in zip(*map(pairs.pair, held), strict=True))
    learned = np.stack([pairs.pair(int(index))[1] for index in training])  # all sixteen
    known = started.references
    assert known.identity == pytest.approx(np.mean((noisy - target) ** 2), rel=1e-4)
    assert known.constant == pytest.approx(np.mean((target - learned.mean()) ** 2), rel=1e-4)
    assert known.linear < known.gaussian < known.constant
    assert known.floor is None


def test_a_run_on_pairs_from_disk_is_that_on_pairs_made_on_the_fly(
    tmp_path: Path, pairs: PatchPairs, events: list[Any]
) -> None:
    list(build(pairs, tmp_path / "pairs"))
    again = list(train_on_pairs(PatchStore(tmp_path / "pairs"), QUICK))
    assert [one.loss for one in of(StepFinished, again)] == [one.loss for one in of(StepFinished, events)]


def test_fresh_noise_changes_the_second_epoch(pairs: PatchPairs, events: list[Any]) -> None:
    fresh = list(train_on_pairs(pairs, BaselineSettings(**(vars(QUICK) | {"fresh": True}))))
    losses, others = ([one.loss for one in of(StepFinished, run)] for run in (events, fresh))
    assert losses != others


def test_an_epoch_tells_its_speed(events: list[Any]) -> None:
    speed = of(EpochFinished, events)[1].speed
    assert speed.images == pytest.approx(16 / speed.seconds)
    assert speed.megabytes == pytest.approx(speed.images * 2 * 4 * 64**2 / 1e6)


def test_a_learning_rate_that_is_too_high_is_told_and_ends_the_run(pairs: PatchPairs) -> None:
    mad = BaselineSettings(device="cpu", epochs=50, learning_rate=10, validation_pairs=4)
    events: list[Any] = list(train_on_pairs(pairs, mad))
    assert events[-1].reason == "diverged"
    assert len(of(EpochFinished, events)) < 10


def test_too_few_pairs_are_told_in_one_line(pairs: PatchPairs) -> None:
    with pytest.raises(TrainingError, match="G06  32 pairs, 16 of them for validation"):
        list(train_on_pairs(pairs, BaselineSettings(validation_pairs=30, batch=17)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any, micrographs: list[Micrograph]) -> Path:
    """A run of larger patches, of which quality can be measured."""
    folder: Path = tmp_path_factory.mktemp("run") / "bl"
    larger = PatchPairs(micrographs, None, PatchSettings(patch=128, stride=32))
    list(baseline(larger, RunFolder(folder), QUICK))
    return folder


def test_the_report_puts_the_improvement_beside_what_needs_no_training(run: Path) -> None:
    text = RunFolder(run).text.read_text()
    for words in ("the same for blank image", "the same for raw input", "RMS error", "**2,625**", "MB/s"):
        assert words in text
    assert "misaligned | 0 |" in text
    assert RunFolder(run).pairs.read_bytes().startswith(b"\x89PNG")


def test_the_quality_the_loss_does_not_tell_is_measured_with_a_known_truth(run: Path) -> None:
    text = RunFolder(run).text.read_text()
    assert "## Denoising quality" in text
    assert "| raw |" in text
    assert "so that the ground truth is known" in text


def test_its_model_denoises_a_micrograph_of_any_gray_scale(run: Path, micrographs: list[Micrograph]) -> None:
    model = checkpoint.load(RunFolder(run).model)
    assert model.scale == "positive"

    def denoised(factor: float) -> Any:
        scaled = Micrograph(micrographs[0].data * np.float32(factor), 1.0, "m")
        done = denoise.denoise(scaled, model, DenoisingSettings(device="cpu"))
        return next(one.micrograph.data for one in done if isinstance(one, MicrographDenoised))

    np.testing.assert_allclose(denoised(1000), 1000 * denoised(1), rtol=1e-3, atol=1e-2)


def test_the_command_line_runs_it_and_says_when_it_diverges(tmp_path: Path, pairs: PatchPairs) -> None:
    list(build(pairs, tmp_path / "pairs"))
    asked = ["baseline", str(tmp_path / "pairs"), "--validation-pairs", "4", "--device", "cpu", "--run"]
    assert main.main([*asked, str(tmp_path / "good"), "--epochs", "1"]) == 0
    assert main.main([*asked, str(tmp_path / "mad"), "--learning-rate", "10"]) == 3
    assert [read(tmp_path / name).state for name in ("good", "mad")] == ["completed", "diverged"]


def test_a_device_that_is_not_there_is_said_before_any_pair_is_looked_at(
    tmp_path: Path, pairs: PatchPairs, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingsError, match="S02  device = cuda:99"):
        next(train_on_pairs(pairs, replace(QUICK, device="cuda:99")))
    asked = ["baseline", str(tmp_path / "nothing"), "--device", "cuda:99", "--run", str(tmp_path / "run")]
    assert main.main(asked) == 2
    assert "S02  device = cuda:99" in capsys.readouterr().err


def kept(pairs: PatchPairs, run: Path, **chosen: Any) -> Any:
    settings = replace(QUICK, checkpoint_minutes=1e-6, **chosen)
    return baseline(pairs, RunFolder(run), settings, _source(pairs))


def _source(pairs: PatchPairs) -> Any:
    return data_source(pairs, [one.path for one in pairs.targets if one.path], pairs.settings)


@pytest.fixture
def on_disk(micrographs: list[Micrograph], tmp_path: Path) -> PatchPairs:
    for one in micrographs:
        mrc.write(tmp_path / f"{one.name}.mrc", one.data, pixel_size=1.5, label="simulated")
    return PatchPairs([open_micrograph(path) for path in sorted(tmp_path.glob("*.mrc"))], None, SMALL)


def test_a_run_that_is_interrupted_and_resumed_is_the_run_that_was_not(
    on_disk: PatchPairs, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    list(kept(on_disk, one))
    until(kept(on_disk, other), 2)
    for step in (4, 6):
        until(resume(other), step)
    ended = list(resume(other))
    assert isinstance(ended[-1], TrainingFinished)
    random = {
        f"random/{name}" for name in random_state()
    }  # of the process, in which one began after the other
    assert set(differences(one, other)) <= random
    assert RunFolder(other).evaluation.is_file() == RunFolder(one).evaluation.is_file()


def test_a_run_that_cannot_be_judged_has_failed_and_is_judged_when_it_is_resumed(
    on_disk: PatchPairs, tmp_path: Path
) -> None:
    list(build(on_disk, tmp_path / "pairs"))
    store, folder = PatchStore(tmp_path / "pairs"), RunFolder(tmp_path / "run")
    events = baseline(store, folder, QUICK, data_source(store, [store.folder], SMALL))
    assert any(isinstance(event, PhaseStarted) and "evaluating" in event.phase for event in events)
    away = store.folder.rename(tmp_path / "away")
    with pytest.raises(PatchFileError):
        list(events)
    assert read(folder.path).state == "failed"
    away.rename(store.folder)
    again = list(resume(folder.path))
    assert isinstance(again[-1], TrainingFinished)
    assert not of(StepFinished, again)  # nothing is learned twice
    assert read(folder.path).state == "completed"
    assert folder.data.is_file()


def test_a_run_on_files_of_pairs_is_resumed_and_refused_where_they_have_changed(
    on_disk: PatchPairs, tmp_path: Path
) -> None:
    list(build(on_disk, tmp_path / "pairs"))
    store, run = PatchStore(tmp_path / "pairs"), tmp_path / "run"
    settings = replace(QUICK, checkpoint_minutes=1e-6)
    until(baseline(store, RunFolder(run), settings, data_source(store, [store.folder], SMALL)), 6)
    index = store.folder / "index.json"
    index.write_text(index.read_text() + " ")
    with pytest.raises(TrainingError, match=r"T17 .*index.json: size"):
        list(resume(run))
    with pytest.raises(TrainingError, match=r"T17 .*batch: 4 then, 2 now"):
        list(resume(run, replace(settings, batch=2)))
    assert isinstance(list(resume(run, force=True))[-1], TrainingFinished)


def test_micrographs_of_a_run_that_are_gone_are_named(on_disk: PatchPairs, tmp_path: Path) -> None:
    run = tmp_path / "run"
    until(kept(on_disk, run), 5)
    (tmp_path / "m1_EVN.mrc").unlink()
    with pytest.raises(RunError, match=r"R07 .*m1_EVN.mrc — no longer exists"):
        list(resume(run))


def test_the_command_line_resumes_the_experiment(
    on_disk: PatchPairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    until(kept(on_disk, run), 5)
    assert main.main(["baseline", "--resume", str(run)]) == 0
    assert "resumed after step" in capsys.readouterr().out
    assert main.main(["baseline", "--resume", str(run)]) == 1
    assert "T18" in capsys.readouterr().err
    assert main.main(["train", "--resume", str(run)]) == 1
    assert "R06" in capsys.readouterr().err
    assert main.main(["baseline", str(tmp_path / "m1_EVN.mrc")]) == 2
    assert "give --run" in capsys.readouterr().err
