"""Takes the pictures of the guided tour from the program itself: make screenshots.

Without arguments on the simulated sample; with two halves of a micrograph, on those:
python docs/take_screenshots.py m_EVN.mrc m_ODD.mrc
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
from napari.layers import Layer
from qtpy.QtGui import QImage

from cryoden import mrc
from napari_cryoden.compare_widget import CompareWidget
from napari_cryoden.demo import picture, wait
from napari_cryoden.denoise_widget import DenoiseWidget
from napari_cryoden.layers import raw_layer
from napari_cryoden.plot_dock import TITLE
from napari_cryoden.sample_data import sample_pairs
from napari_cryoden.train_widget import TrainWidget

IMAGES = Path(__file__).with_name("images")
SIZE = (1366, 768)  # of the smallest screen it should fit
QUALITY = 88
MINUTES = 1.0


def opened(halves: Sequence[str]) -> Any:
    """Return a window with the sample, or with these files."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(*SIZE)
    layers = [raw_layer(mrc.read(Path(half))) for half in halves] if halves else sample_pairs()
    for data in layers:
        viewer.add_layer(Layer.create(*data))
    return viewer


def taken(viewer: Any, name: str) -> None:
    """Save what the window shows as a JPEG, a quarter of a PNG where noise is in sight."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        picture(viewer, path)
        QImage(str(path)).save(str(IMAGES / f"tour_{name}.jpg"), "JPEG", QUALITY)


def train(viewer: Any, folder: Path) -> None:
    """Train with a live preview of the top layer."""
    dock = TrainWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Train a denoiser", area="right")
    dock.form.fields["minutes"].value = MINUTES
    dock.model.path = folder / "tour.safetensors"
    wait(dock.source.changed, dock.train_button.isEnabled)
    taken(viewer, "train")
    dock.preview.layer.layer = viewer.layers[-1]
    dock.train_button.click()
    wait(dock.run.changed, lambda: (dock.run.progress or 0) > 0.8 or not dock.run.running, MINUTES)
    taken(viewer, "watch")
    dock.run.stop()
    wait(dock.run.ended, lambda: not dock.run.running)


def denoise(viewer: Any) -> None:
    """Denoise the lowest layer."""
    dock = DenoiseWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Denoise", area="right", tabify=True)
    dock.layer.layer = viewer.layers[0]
    dock.denoise_button.click()
    wait(dock.denoising.ended, lambda: not dock.denoising.running)
    taken(viewer, "denoised")


def compare(viewer: Any) -> None:
    """Swipe, then everything beside everything with spectra."""
    dock = CompareWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Compare", area="right", tabify=True)
    dock.modes["swipe"].click()
    taken(viewer, "swipe")
    for button in (dock.low_pass_button, dock.difference_button, dock.spectra_button):
        button.click()
        wait(dock.deriving.ended, lambda: not dock.deriving.running)
    dock.modes["grid"].click()
    taken(viewer, "compare")


def main() -> None:
    """Take all of them."""
    viewer = opened(sys.argv[1:])
    with TemporaryDirectory() as folder:
        train(viewer, Path(folder))
        denoise(viewer)
        viewer.window.dock_widgets[TITLE].parent().close()
        compare(viewer)
    viewer.close()


if __name__ == "__main__":
    main()
