"""The whole way in one go: simulated halves, a trained model, raw beside denoised.

Drives the real widgets of a real window: ``python -m napari_cryoden.demo FOLDER``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
from napari.layers import Layer
from qtpy.QtCore import QEventLoop, QTimer

from cryoden.errors import CryodenError, TrainingError
from cryoden.runs.folder import RunFolder
from napari_cryoden.docks.denoise import DenoiseWidget
from napari_cryoden.docks.train import TrainWidget
from napari_cryoden.layers.file_layer import sample_pairs

SIZE = (1480, 940)
# The general model knows the sample data: a network that begins without it shows what learning looks like.
FROM_SCRATCH = {"start_from": "scratch", "patch": 128, "steps_per_epoch": 20}
PATIENCE_MS = 600_000  # a busy machine may take minutes for what another does in seconds
PAINT_MS = 400


def run_demo(output: Path, minutes: float, steps: int = 0) -> None:
    """Train on simulated halves for so many minutes or steps, denoise one and show it beside the raw.

    A run of minutes begins from scratch, so that the curve of the run is seen to rise.

    Writes into ``output``, replacing an earlier demonstration: the run folder ``run``,
    ``sample1_EVN_denoised.mrc`` and the screenshots ``1_loaded.png``,
    ``2_training.png`` and ``3_compared.png``. With a display the window stays open.

    Raises
    ------
    CryodenError
        When a step ends without its result, in one line.
    """
    output.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(title="napari-cryoden: demonstration", show_welcome_screen=False)
    viewer.window.resize(*SIZE)
    try:
        for data in sample_pairs():
            viewer.add_layer(Layer.create(*data))
        limit = {"epochs": 1, "steps_per_epoch": steps} if steps else {"minutes": minutes, **FROM_SCRATCH}
        _trained(viewer, output, limit)
        _denoised(viewer, output)
    except BaseException:
        viewer.close()
        raise
    if _leave_open():
        napari.run()
    else:
        viewer.close()


def _trained(viewer: Any, output: Path, chosen: dict[str, Any]) -> None:
    train = TrainWidget(viewer)
    viewer.window.add_dock_widget(train, name="Train a denoiser", area="right")
    for name, value in chosen.items():
        train.form.fields[name].value = value
    train.folder.path = _fresh_run(output / "run")
    wait(train.source.changed, train.train_button.isEnabled)
    picture(viewer, output / "1_loaded.png")
    train.preview.layer.layer = viewer.layers[-1]
    train.train_button.click()
    wait(train.run.changed, lambda: _half_done(train), chosen.get("minutes", 0))
    picture(viewer, output / "2_training.png")
    wait(train.run.ended, lambda: not train.run.running, chosen.get("minutes", 0))
    if train.run.model_file is None:
        raise _no_result("training")


def _denoised(viewer: Any, output: Path) -> None:
    dock = DenoiseWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Denoise", area="right", tabify=True)
    dock.layer.setCurrentIndex(dock.layer.findText("sample1_EVN"))
    dock.both.setChecked(False)  # what one half alone shows
    dock.also_file.setChecked(True)
    dock.output.path = _fresh(output / "sample1_EVN_denoised.mrc")
    dock.denoise_button.click()
    wait(dock.denoising.ended, lambda: not dock.denoising.running)
    if dock.denoising.result is None:
        raise _no_result("denoising")
    picture(viewer, output / "3_compared.png")


def _half_done(train: TrainWidget) -> bool:
    return not train.run.running or (train.run.progress or 0) > 0.6


def wait(signal: Any, met: Callable[[], bool], minutes: float = 0) -> None:
    """Let the window live until a condition is met; it is looked at whenever the signal comes."""
    loop, patience = QEventLoop(), QTimer()
    patience.setSingleShot(True)
    patience.timeout.connect(loop.quit)
    patience.start(PATIENCE_MS + round(minutes * 60_000))

    def look(*_: Any) -> None:
        if met():
            loop.quit()

    signal.connect(look)
    if not met():
        loop.exec()
    signal.disconnect(look)
    if not met():
        raise _no_result("waiting")


def _no_result(after: str) -> TrainingError:
    fix = "Look at the messages above, or give the demonstration more minutes"
    return TrainingError("G03", None, f"the demonstration has no result after {after}", fix=fix)


def picture(viewer: Any, path: Path) -> None:
    """Save what the window shows, once it is painted."""
    loop = QEventLoop()
    QTimer.singleShot(PAINT_MS, loop.quit)
    loop.exec()  # plots and layers are painted from the event loop
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)


def _fresh(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


def _fresh_run(path: Path) -> Path:
    RunFolder(path).remove()
    return path


def _leave_open() -> bool:
    """Whether somebody can look: not asked to exit, and not on a virtual display."""
    return os.environ.get("CRYODEN_DEMO_EXIT") != "1" and "xvfb" not in os.environ.get("XAUTHORITY", "")


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m napari_cryoden.demo", description=__doc__)
    parser.add_argument("output", nargs="?", type=Path, default=Path("demo-output"), metavar="FOLDER")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long to train (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=0, help="train so many steps, however long they take")
    chosen = parser.parse_args(arguments)
    try:
        run_demo(chosen.output, chosen.minutes, chosen.steps)
    except CryodenError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Pictures, the run's folder and the denoised micrograph are in {chosen.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
