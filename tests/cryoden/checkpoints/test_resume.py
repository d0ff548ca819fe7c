"""A run that was interrupted becomes, resumed, the run it would have been: the same bits."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from cryoden.checkpoints.resume import continues, delete, resumable
from cryoden.dataset.opening import open_halves
from cryoden.errors import CryodenError, RunError, TrainingError
from cryoden.events.training import CheckpointSaved, EpochFinished, Restarted, TrainingFinished
from cryoden.model.checkpoint import load
from cryoden.runs.folder import RunFolder
from cryoden.runs.record import read
from cryoden.runs.reservation import reclaim, this_run
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.training import TrainingSettings
from cryoden.training.preview_request import RunControl
from cryoden.workflows import train_model
from tests.cryoden.checkpoints.interrupted import begun, differences, halves, resumed, settings, table, until

KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "plain gradient descent": {"optimizer": "sgd"},
    "fine-tuned U-Net": {"network": "unet", "epochs": 2, "steps_per_epoch": 3},
    "restarted from scratch": {"learning_rate": 10.0, "schedule": "cosine"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: Any) -> Path:
    return halves(tmp_path_factory.mktemp("data") / "halves")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: Any, data: Path) -> Path:
    """A run that was left after a few steps of its second epoch, for tests that copy it."""
    run: Path = tmp_path_factory.mktemp("runs") / "stopped"
    until(begun(data, run), 6)
    return run


@pytest.fixture
def run(tmp_path: Path, stopped: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_interrupted_at_any_steps_ends_in_the_bits_of_one_that_never_was(
    tmp_path: Path, data: Path, kind: str
) -> None:
    chosen = {"epochs": 3} | KINDS[kind]
    one, other = tmp_path / "one", tmp_path / "other"
    whole = list(begun(data, one, **chosen))
    assert any(isinstance(event, Restarted) for event in whole) is (kind == "restarted from scratch")
    at = sorted(random.Random(kind).sample(range(1, 3 * chosen["epochs"]), 3))  # noqa: S311  no secret
    until(begun(data, other, **chosen), at[0])
    for step in at[1:]:
        until(train_model.resume_training(other), step)
    ended = list(train_model.resume_training(other))
    assert resumed(ended).step <= at[-1]
    assert differences(one, other) == []
    last, found = whole[-1], ended[-1]
    assert isinstance(last, TrainingFinished)
    assert isinstance(found, TrainingFinished)
    assert (found.message, found.best_epoch, found.best_loss) == (
        last.message,
        last.best_epoch,
        last.best_loss,
    )


def test_a_stop_keeps_the_state_before_what_it_validates(tmp_path: Path, data: Path) -> None:
    one, other, control = tmp_path / "one", tmp_path / "other", RunControl()
    list(begun(data, one))
    seen = []
    for event in begun(data, other, control):
        seen.append(event)
        if isinstance(event, CheckpointSaved) and event.step == 5:
            control.stop.set()
    assert [event.step for event in seen if isinstance(event, EpochFinished)] == [0, 4, 5]
    assert read(other).state == "stopped"
    list(train_model.resume_training(other))
    assert differences(one, other) == []


def test_what_a_run_reported_before_is_reported_again_and_goes_on_without_a_gap(run: Path) -> None:
    before = table(run)
    again = resumed(list(train_model.resume_training(run)))
    assert [event.step for event in again.past] == [int(row["step"]) for row in before][: len(again.past)]
    steps = [int(row["step"]) for row in table(run) if row["step_loss"]]
    assert steps == list(range(1, 9))
    record = read(run)
    assert [one["step"] for one in record.about["resumed"]] == [again.step]
    assert record.began == read(run).about["began"]


def test_the_time_that_was_used_is_not_given_again(run: Path) -> None:
    before = read(run).seconds
    ended = list(train_model.resume_training(run))
    assert resumed(ended).elapsed > 0
    last = ended[-1]
    assert isinstance(last, TrainingFinished)
    assert last.elapsed > resumed(ended).elapsed
    assert read(run).seconds >= before > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 4}, "batch: 2 then, 4 now"),
        (
            {"epochs": 5, "learning_rate": 0.001},
            "epochs: 2 then, 5 now; learning_rate: 0.005 then, 0.001 now",
        ),
    ],
)
def test_changed_settings_are_named_field_by_field_and_refused(
    run: Path, changes: dict[str, Any], words: str
) -> None:
    before = contents(run)
    with pytest.raises(TrainingError, match=rf"T17 .*{words}"):
        list(train_model.resume_training(run, settings(**changes)))
    assert contents(run) == before


def test_a_device_and_a_pace_of_checkpoints_may_change(run: Path) -> None:
    list(train_model.resume_training(run, settings(device="auto", checkpoint_minutes=7.0)))
    assert read(run).is_over


def test_forced_settings_are_used_and_recorded(run: Path) -> None:
    ended = list(train_model.resume_training(run, settings(epochs=3), force=True))
    assert "epochs: 2 then, 3 now" in resumed(ended).notes[0]
    assert read(run).about["resumed"][-1]["notes"] == list(resumed(ended).notes)
    assert read(run).started.epochs == 3
    assert "Resumed after step" in (report := RunFolder(run).text.read_text())
    assert "epochs: 2 then, 3 now" in report


def test_more_epochs_than_at_first_are_the_epochs_of_a_longer_run(tmp_path: Path, data: Path) -> None:
    long, short = tmp_path / "long", tmp_path / "short"
    list(begun(data, long, epochs=4))
    list(begun(data, short, epochs=2))
    with pytest.raises(TrainingError, match=r"T18 .*finished"):
        list(train_model.resume_training(short))
    list(train_model.resume_training(short, settings(epochs=4), force=True))
    assert differences(long, short) == []


def test_a_file_that_has_changed_is_named_and_refused(tmp_path: Path) -> None:
    data, run = halves(tmp_path / "halves"), tmp_path / "run"
    until(begun(data, run), 5)
    file = data / "m2_ODD.mrc"
    whole = bytearray(file.read_bytes())
    whole[-3] ^= 1
    file.write_bytes(whole)
    with pytest.raises(TrainingError, match=r"T17 .*m2_ODD.mrc: other pixels or header"):
        list(train_model.resume_training(run))
    assert "m2_ODD" in resumed(list(train_model.resume_training(run, force=True))).notes[0]


def test_a_copy_of_the_data_is_as_good(tmp_path: Path, data: Path, run: Path) -> None:
    copy = shutil.copytree(data, tmp_path / "copy", copy_function=shutil.copyfile)
    list(train_model.resume_training(run, settings(), open_halves([Path(copy)])))
    assert read(run).is_over


def test_data_that_are_gone_are_named(tmp_path: Path) -> None:
    data, run = halves(tmp_path / "halves"), tmp_path / "run"
    until(begun(data, run), 5)
    (data / "m1_EVN.mrc").unlink()
    with pytest.raises(RunError, match=r"R07 .*m1_EVN.mrc — no longer exists"):
        list(train_model.resume_training(run))


def test_the_checkpoint_before_a_damaged_one_is_used_and_it_is_said(
    tmp_path: Path, data: Path, run: Path
) -> None:
    newest, before = sorted((run / "checkpoints").glob("step-*"), reverse=True)
    newest.write_bytes(newest.read_bytes()[:-100])
    ended = list(train_model.resume_training(run))
    assert f"{newest.name} — damaged" in resumed(ended).notes[0]
    assert f"step-{resumed(ended).step:09d}" == before.stem
    one = tmp_path / "one"
    list(begun(data, one))
    assert differences(one, run) == []


def test_a_run_whose_checkpoints_are_all_damaged_is_refused_and_stays_as_it_is(run: Path) -> None:
    for path in (run / "checkpoints").glob("step-*"):
        path.write_bytes(b"\0" * 100)
    with pytest.raises(RunError, match=r"R04"):
        list(train_model.resume_training(run))
    assert read(run).state == "stopped"


def test_losses_that_were_removed_are_missed_and_the_run_continues(run: Path) -> None:
    RunFolder(run).metrics.unlink()
    ended = list(train_model.resume_training(run))
    assert any("losses are missing" in note for note in resumed(ended).notes)
    assert [int(row["step"]) for row in table(run) if row["step_loss"]][-1] == 8


def test_a_run_is_refused_while_it_lives_here(tmp_path: Path, data: Path) -> None:
    events: Any = begun(data, tmp_path / "run")
    for event in events:
        if isinstance(event, CheckpointSaved):
            break
    with pytest.raises(RunError, match=rf"R05 .*process {os.getpid()} on "):
        list(train_model.resume_training(tmp_path / "run"))
    events.close()
    list(train_model.resume_training(tmp_path / "run"))


def pretend(run: Path, seconds: float) -> None:
    """Let a run look as if another host had begun it and was heard of so many seconds ago."""
    about = json.loads((run / "run.json").read_text())
    elsewhere = {"pid": 1, "host": "node17", "machine": "another", "created": 0.0}
    (run / "run.json").write_text(json.dumps(about | {"state": "running", "process": elsewhere}))
    heart = run / "heartbeat"
    heart.touch()
    now = heart.stat().st_mtime
    os.utime(heart, (now - seconds, now - seconds))


def test_a_run_that_lives_on_another_host_is_refused(run: Path) -> None:
    pretend(run, 30)
    assert read(run).state == "running"
    with pytest.raises(RunError, match=r"R05 .*process 1 on node17, last sign of life 3. s ago"):
        list(train_model.resume_training(run))


def test_a_run_that_another_host_has_given_no_sign_of_is_interrupted_and_is_resumed(run: Path) -> None:
    pretend(run, 3600)
    assert read(run).state == "interrupted"
    assert "no sign of life since 20" in read(run).message
    list(train_model.resume_training(run))
    assert read(run).state == "completed"
    assert not (run / "heartbeat").exists()


def test_a_run_is_deleted_whole_unless_a_process_has_it(run: Path) -> None:
    pretend(run, 30)
    before = contents(run)
    with pytest.raises(RunError, match=r"R05 .*process 1 on node17"):
        delete(run)
    assert contents(run) == before
    pretend(run, 3600)
    with reclaim(run), pytest.raises(RunError, match=rf"R05 .*process {os.getpid()} on "):
        delete(run)
    assert contents(run) == before
    delete(run)
    assert not run.exists()
    with pytest.raises(RunError, match="R01"):
        delete(run)


def test_a_run_whose_end_found_no_room_is_interrupted_and_can_be_deleted_while_its_process_lives(
    run: Path,
) -> None:
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | {"state": "running", "process": this_run()}))
    with reclaim(run):
        assert read(run).state == "running"
    assert read(run).state == "interrupted"
    delete(run)
    assert not run.exists()


def test_a_record_that_was_read_before_the_run_ended_says_how_it_ended(run: Path) -> None:
    about = json.loads((run / "run.json").read_text())
    ended = {**about, "state": "completed", "process": this_run()}
    (run / "run.json").write_text(json.dumps(ended | {"state": "running"}))
    before = read(run)
    (run / "run.json").write_text(json.dumps(ended))
    assert before.state == "completed"


def test_a_run_of_the_experiment_is_not_resumed_as_a_training(run: Path) -> None:
    with pytest.raises(RunError, match=r"R06 .*cryoden train"):
        resumable(run, BaselineSettings)


def test_a_folder_that_has_learned_nothing_is_made_again_and_one_that_has_is_kept(run: Path) -> None:
    assert continues(run)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(RunError, match=r"R04"):
        continues(run)
    (run / "model.safetensors").unlink(missing_ok=True)
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | {"last": about["first"]}))
    assert not continues(run)
    assert not (run / "run.json").exists()
    assert not continues(run.with_name("nowhere"))


def test_a_model_that_only_a_stop_had_kept_is_none_of_the_resumed_run(tmp_path: Path, data: Path) -> None:
    run, control = tmp_path / "run", RunControl()
    chosen: dict[str, Any] = {"learning_rate": 1e-7, "steps_per_epoch": 50, "epochs": 1}
    for event in begun(data, run, control, **chosen):
        if isinstance(event, CheckpointSaved) and event.step == 2:
            control.stop.set()
    assert load(RunFolder(run).model).provenance["end"] == "stopped"
    one = tmp_path / "one"
    list(begun(data, one, **chosen))
    list(train_model.resume_training(run))
    assert differences(one, run) == []


def test_a_run_that_was_killed_before_its_report_has_it_once_it_is_resumed(
    tmp_path: Path, data: Path
) -> None:
    ended = RunFolder(tmp_path / "ended")
    list(begun(data, ended.path))
    for file in (ended.report, ended.text, ended.plot):
        file.unlink()
    ended.heartbeat.touch()
    with pytest.raises(TrainingError, match=r"T18 .*finished"):
        list(train_model.resume_training(ended.path))
    assert not ended.heartbeat.exists()
    assert "Validation losses" in ended.text.read_text()
    assert ended.report.exists()
    assert ended.plot.exists()
    ended.report.unlink()
    ended.metrics.unlink()  # without which there can be none
    with pytest.raises(TrainingError, match=r"T18 .*finished"):
        list(train_model.resume_training(ended.path))


def test_a_state_of_anything_else_is_refused_in_words(run: Path) -> None:
    for path in (run / "checkpoints").glob("step-*"):
        path.unlink()
    shutil.copy(Path(__file__), run / "checkpoints" / "step-000000009.safetensors")
    with pytest.raises(CryodenError, match=r"R04"):
        list(train_model.resume_training(run))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_on_a_gpu_the_bits_are_the_same_too(tmp_path: Path, data: Path) -> None:
    chosen: dict[str, Any] = {"network": "unet", "device": "cuda", "precision": "auto", "epochs": 2}
    one, other = tmp_path / "one", tmp_path / "other"
    list(begun(data, one, **chosen))
    until(begun(data, other, **chosen), 3)
    list(train_model.resume_training(other))
    assert differences(one, other) == []


def test_a_gpu_that_is_not_there_any_more_is_chosen_again(run: Path) -> None:
    about = json.loads((run / "run.json").read_text())
    about["started"]["settings"]["device"] = "cuda:97"
    (run / "run.json").write_text(json.dumps(about))
    assert resumable(run, TrainingSettings).settings().device == "auto"
    list(train_model.resume_training(run))
    assert read(run).is_over
