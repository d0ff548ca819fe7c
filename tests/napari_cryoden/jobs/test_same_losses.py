"""The viewer trains as the command line does: one seed, one machine, the same losses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cryoden.cli import main
from napari_cryoden.widgets.training_data import FOLDER, LAYERS

SETTINGS = {"device": "cpu", "epochs": 1, "steps_per_epoch": 3, "batch": 2, "patch": 64, "seed": 11}


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def in_the_viewer(qtbot: Any, train: Any, run: Path) -> list[str]:
    qtbot.waitUntil(lambda: train.source.pairs.count() == 2 and not train.source.pairs.checking)
    train.folder.path = run
    for name, value in SETTINGS.items():
        train.form.fields[name].value = value
    with qtbot.waitSignal(train.run.ended):
        train.train_button.click()
    assert train.run.history.started.device == "CPU, 1 thread"
    return [loss.hex() for loss in train.run.history.losses]


def on_the_command_line(capsys: Any, halves: Path, model: Path) -> list[str]:
    flags = [word for name, value in SETTINGS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    capsys.readouterr()
    main.main(["train", "--halves", str(halves), "--model", str(model), *flags, "--json"])
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [event["loss"].hex() for event in events if event["event"] == "StepFinished"]


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("where", [LAYERS, FOLDER])
def test_viewer_and_command_line_learn_the_same_from_the_first_step_on(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any, capsys: Any, where: Any
) -> None:
    halves = tmp_path / "halves"
    halves.mkdir()
    for layer in add_halves():
        layer.save(str(halves / f"{layer.name}.mrc"), plugin="napari-cryoden")
    train.source.choice.setCurrentIndex(where)
    if where == FOLDER:
        train.source.folder.path = halves
    seen = in_the_viewer(qtbot, train, tmp_path / "viewer")
    told = on_the_command_line(capsys, halves, tmp_path / "line.safetensors")
    assert len(seen) == 3
    assert seen == told
