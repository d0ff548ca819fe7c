"""What a program in another language is given to be written and checked with."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.errors import OutputError, PatchFileError, RunError, SettingsError
from cryoden.events.training import StepFinished
from cryoden.experiment.export import export_run
from cryoden.experiment.store import PatchStore
from cryoden.experiment.training_pairs import read_pair
from cryoden.io import mrc
from cryoden.micrograph import Array
from cryoden.model import checkpoint
from cryoden.runs import metrics
from cryoden.settings.baseline import ExportSettings
from tests.cryoden.scenes import scene, write_halves

RUN = ["--patch", "48", "--stride", "48", "--validation-pairs", "3", "--epochs", "1", "--batch", "3"]
RUN += ["--device", "cpu", "--learning-rate", "0.05", "--seed", "5"]
SMALL = ExportSettings(pairs=2, edge=32, batches=2, steps=8)


def write_micrograph(path: Path, edge: int = 240) -> None:
    draw = np.random.default_rng(1)
    pixels = 10 + draw.standard_normal((edge, edge)) + 3 * np.sin(np.arange(edge) / 7)
    mrc.write(path, pixels.astype(np.float32), pixel_size=1.0, label="waves")


def run_on(data: Path, run: Path, *more: str) -> Path:
    assert main(["baseline", str(data), "--run", str(run), *RUN, *more]) == 0
    return run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_micrograph(folder / "waves.mrc")
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_on(data, tmp_path_factory.mktemp("runs") / "waves")


@pytest.fixture(scope="module")
def export(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "waves"
    export_run(run, folder, SMALL)
    return folder


def arrays(folder: Path) -> dict[str, Array]:
    """Read an export as its own explanation says, without this program."""
    found = {}
    for line in (folder / "index.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, file, kind, rank, *rest = line.split('"')[0].split()
            assert (kind, int(rank)) == ("float32", len(rest))
            found[name] = (
                np.fromfile(folder / file, "<f4").reshape([int(side) for side in rest]).astype(float)
            )
    return found


def convolved(image: Array, weight: Array, bias: Array) -> Array:
    """Return ``(pair, out, y, x)``, by the formula of the explanation."""
    height, width = image.shape[-2:]
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1)))
    total = np.zeros((len(image), len(weight), height, width)) + bias[:, None, None]
    for ky, kx in np.ndindex(3, 3):
        window = padded[:, :, ky : ky + height, kx : kx + width]
        total += np.einsum("oi,biyx->boyx", weight[:, :, ky, kx], window)
    return total


def forward(found: dict[str, Array], state: str, noisy: Array) -> dict[str, Array]:
    layers = [(found[f"{state}_weight{number}"], found[f"{state}_bias{number}"]) for number in (1, 2, 3)]
    conv1 = convolved(noisy, *layers[0])
    conv2 = convolved(np.maximum(conv1, 0), *layers[1])
    relu1, relu2 = np.maximum(conv1, 0), np.maximum(conv2, 0)
    made = {"conv1": conv1, "relu1": relu1, "conv2": conv2, "relu2": relu2}
    return made | {"output": convolved(relu2, *layers[2])}


def mean_square(values: Array) -> float:
    return float((values**2).mean())


def test_every_activation_follows_from_the_files_alone(export: Path) -> None:
    found = arrays(export)
    for name, values in forward(found, "initial", found["noisy"][0]).items():
        np.testing.assert_allclose(values, found[name], atol=1e-6 * np.abs(found[name]).max(), rtol=0)
    kept = forward(found, "final", found["noisy"][0])["output"]
    np.testing.assert_allclose(kept, found["final_output"], atol=1e-6)
    assert mean_square(kept - found["target"][0]) == pytest.approx(found["final_loss"][0], rel=1e-6)


def test_the_losses_follow_from_the_files_alone(export: Path) -> None:
    found = arrays(export)
    first = forward(found, "initial", found["noisy"][0])["output"]
    second = forward(found, "stepped", found["noisy"][1])["output"]
    told = np.loadtxt(export / "losses.txt")
    np.testing.assert_array_equal(told[:, 0], np.arange(1, 9))
    np.testing.assert_allclose(told[:, 1], found["losses"], rtol=1e-7)
    losses = [
        mean_square(output - target) for output, target in zip((first, second), found["target"], strict=True)
    ]
    np.testing.assert_allclose(losses, told[:2, 1], rtol=1e-6)


def test_gradients_are_the_slopes_of_the_loss_and_a_step_goes_against_them(export: Path) -> None:
    found = arrays(export)
    rate = found["learning_rate"][0]
    for number in (1, 2, 3):
        for kind in ("weight", "bias"):
            name = f"{kind}{number}"
            stepped = found[f"initial_{name}"] - rate * found[f"gradient_{name}"]
            np.testing.assert_allclose(found[f"stepped_{name}"], stepped, atol=1e-7)
            assert slope(found, f"initial_{name}") == pytest.approx(
                found[f"gradient_{name}"].ravel()[0], rel=1e-3, abs=1e-6
            )


def slope(found: dict[str, Array], name: str, by: float = 1e-6) -> float:
    """Return how the loss of the first batch changes with the first value of an array."""
    losses = []
    for change in (by, -by):
        moved = found | {name: found[name].copy()}
        moved[name].ravel()[0] += change
        output = forward(moved, "initial", found["noisy"][0])["output"]
        losses.append(mean_square(output - found["target"][0]))
    return (losses[0] - losses[1]) / (2 * by)


@pytest.mark.parametrize("more", [(), ("--fresh",)], ids=["the same noise", "fresh noise"])
def test_whole_batches_in_the_order_of_the_run_give_the_losses_of_the_run(
    data: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    run = run_on(data, tmp_path / "run", *more)
    steps = [event.loss for event in metrics.read(run / "metrics.csv") if isinstance(event, StepFinished)]
    export_run(run, tmp_path / "out", ExportSettings(pairs=3, edge=48, batches=6, steps=6))
    np.testing.assert_allclose(arrays(tmp_path / "out")["losses"], steps[:6], rtol=1e-5)


def test_the_final_weights_are_those_of_the_model_file(run: Path, export: Path) -> None:
    found, model = arrays(export), checkpoint.load(run / "model.safetensors")
    for place, number in (("0", 1), ("2", 2), ("4", 3)):
        np.testing.assert_array_equal(found[f"final_weight{number}"], model.weights[f"{place}.weight"])
        np.testing.assert_array_equal(found[f"final_bias{number}"], model.weights[f"{place}.bias"])


def test_an_export_made_twice_has_the_same_bytes(run: Path, export: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "again", SMALL)
    assert contents(tmp_path / "again") == contents(export)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_command_tells_what_it_wrote(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    assert main(["--json", "export", str(run), "--format", "raw", "--out", str(out), "--edge", "16"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["arrays"] == len(arrays(out))
    assert told["bytes"] == sum(file.stat().st_size for file in out.glob("*.bin"))


def test_data_that_are_gone_are_told_in_one_line_and_pairs_can_be_made_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    write_micrograph(tmp_path / "data" / "waves.mrc")
    run = str(run_on(tmp_path / "data", tmp_path / "run"))
    shutil.rmtree(tmp_path / "data")
    capsys.readouterr()
    assert main(["export", run, "--out", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Q06  {tmp_path / 'data'} — no longer exists")
    assert "--synthetic" in line
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
    assert main(["export", run, "--out", str(tmp_path / "out"), "--synthetic"]) == 0
    found = arrays(tmp_path / "out")
    assert found["noisy"].shape == (2, 2, 1, 64, 64)
    assert found["target"].std() > 0.05
    assert not (tmp_path / "out" / "order.txt").exists()  # they have none


def test_data_that_have_changed_are_not_taken_for_those_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_micrograph(tmp_path / "data" / "waves.mrc")
    run = run_on(tmp_path / "data", tmp_path / "run")
    write_micrograph(tmp_path / "data" / "more.mrc", edge=96)
    with pytest.raises(PatchFileError, match=r"Q06.*found 29 pairs of 48 px, expected 25 pairs of 48 px"):
        export_run(run, tmp_path / "out", SMALL)


def test_the_order_of_the_run_is_that_of_its_pairs_in_each_epoch(data: Path, tmp_path: Path) -> None:
    assert main(["patches", "build", str(data), "--out", str(tmp_path / "pairs"), *RUN[:4]]) == 0
    run = run_on(tmp_path / "pairs", tmp_path / "run", "--epochs", "2")
    export_run(run, tmp_path / "out", SMALL)
    batch, _, *lines = (tmp_path / "out" / "order.txt").read_text().splitlines()
    assert batch == "# batch: 3"
    numbers = np.array([line.split() for line in lines], int)
    first, second = (numbers[numbers[:, 0] == epoch, 1] for epoch in (1, 2))
    assert sorted(first) == sorted(second)
    assert list(first) != list(second)
    pairs = PatchStore(tmp_path / "pairs")
    cut = np.stack([_middle(pairs, int(index), SMALL.edge) for index in first[:4]])
    np.testing.assert_array_equal(cut.reshape(2, 2, 1, 32, 32), arrays(tmp_path / "out")["noisy"])


def _middle(pairs: PatchStore, index: int, edge: int) -> Array:
    noisy = read_pair(pairs, index).noisy[0, 0]
    start = (noisy.shape[0] - edge) // 2
    return np.asarray(noisy[start : start + edge, start : start + edge], float)


def test_a_data_set_on_disk_is_found_again(data: Path, tmp_path: Path) -> None:
    build = ["patches", "build", str(data), "--out", str(tmp_path / "pairs"), *RUN[:4]]
    assert main(build) == 0
    run = run_on(tmp_path / "pairs", tmp_path / "run")
    export_run(run, tmp_path / "out", SMALL)
    assert arrays(tmp_path / "out")["noisy"].shape == (2, 2, 1, 32, 32)


def test_a_run_that_does_not_name_its_data_says_so(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "old")
    record = tmp_path / "old" / "run.json"
    about = json.loads(record.read_text())
    del about["data"]
    record.write_text(json.dumps(about))
    with pytest.raises(PatchFileError, match=r"Q06.*has no record of its training data"):
        export_run(tmp_path / "old", tmp_path / "out", SMALL)


def test_only_runs_of_the_experiment_are_handed_over(tmp_path: Path) -> None:
    for number in range(3):
        write_halves(tmp_path, scene(number))
    quick = ["--network", "baseline", "--device", "cpu", "--patch", "64", "--steps-per-epoch", "2"]
    command = ["train", "--halves", str(tmp_path), "--run", str(tmp_path / "run"), "--epochs", "1", *quick]
    main(command)  # whether or not a model came of it
    with pytest.raises(RunError, match="R06"):
        export_run(tmp_path / "run", tmp_path / "out", SMALL)


def test_more_pairs_than_the_run_trained_on_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"24 .expected at most 20"):
        export_run(run, tmp_path / "out", ExportSettings(pairs=4, batches=6))


def test_a_folder_that_exists_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="O05"):
        export_run(run, tmp_path / "out", SMALL)
    assert not list((tmp_path / "out").iterdir())


def test_a_disk_that_takes_no_more_leaves_nothing_behind(run: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # less than the activations
    try:
        with pytest.raises(OutputError, match="O02"):
            export_run(run, tmp_path / "out", SMALL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
