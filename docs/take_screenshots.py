"""Takes the pictures of the guided tour from the program itself: make screenshots.

Without arguments on simulated halves. With a folder of halves, on those, under another name:

    python docs/take_screenshots.py FOLDER NAME
"""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import napari
from qtpy.QtGui import QImage

from cryoden.settings.tools import SimulationSettings
from cryoden.simulation.files import simulate_files
from napari_cryoden.contributions.writer import write
from napari_cryoden.demo import picture, wait
from napari_cryoden.layers.file_layer import sample_pairs
from napari_cryoden.plots.evaluation_dock import TITLE as EVALUATION_TITLE
from napari_cryoden.plots.loss_dock import TITLE
from napari_cryoden.plots.motion_dock import TITLE as MOTION_TITLE
from napari_cryoden.plots.runs_dock import TITLE as RUNS_TITLE
from napari_cryoden.plots.spectra_dock import TITLE as SPECTRA_TITLE

IMAGES = Path(__file__).resolve().with_name("images")
SIZE = (1366, 768)  # of the smallest screen it should fit
QUALITY = 88
MINUTES = 1.0
RUNS = Path("runs")
SIMULATED, OF_REAL = "tour", {"watch", "compare", "picks"}
DIAMETER = 200.0  # Å, of the K2's particles


class Tour:
    """One window, one dock, one picture a step.

    Parameters
    ----------
    data : Path
        A folder with halves.
    name : str
        What names of pictures begin with.
    """

    def __init__(self, data: Path, name: str) -> None:
        self.data, self.name = data, name
        self.viewer = napari.Viewer(show_welcome_screen=False)
        self.viewer.window.resize(*SIZE)
        self.bench = self.viewer.window.add_plugin_dock_widget("napari-cryoden", "All steps")[1]

    def take(self, step: str) -> None:
        """Save what the window shows as a JPEG, a quarter of a PNG where noise is in sight."""
        if self.name != SIMULATED and step not in OF_REAL:
            return
        with TemporaryDirectory() as folder:
            path = Path(folder) / "picture.png"
            picture(self.viewer, path)
            QImage(str(path)).save(str(IMAGES / f"{self.name}_{step}.jpg"), "JPEG", QUALITY)

    def close(self, title: str) -> None:
        """Close a dock below the canvas."""
        self.viewer.window.dock_widgets[title].parent().close()

    def open(self) -> None:
        """List the folder and open its first pair."""
        dock = self.bench.bring("Open micrographs")
        dock.collect(self.data)
        wait(dock.list.changed, lambda: not dock.list.checking and dock.list.count() > 0)
        dock.list.setCurrentRow(0)
        self.take("open")
        dock.open_button.click()
        wait(dock.opening.ended, lambda: not dock.opening.running)

    def train(self, folder: Path) -> None:
        """Train on the folder with a live preview of the top layer."""
        dock = self.bench.bring("Train a denoiser")
        dock.source.learn_from(self.data)
        dock.form.fields["minutes"].value = MINUTES
        dock.folder.path = folder
        wait(dock.source.changed, dock.train_button.isEnabled)
        self.take("train")
        dock.preview.layer.layer = self.viewer.layers[-1]
        dock.train_button.click()
        wait(dock.run.changed, lambda: (dock.run.progress or 0) > 0.8 or not dock.run.running, MINUTES)
        self.take("watch")
        wait(dock.run.ended, lambda: not dock.run.running)
        self.close(TITLE)

    def denoise(self) -> None:
        """Denoise the lowest layer."""
        dock = self.bench.bring("Denoise")
        dock.layer.layer = self.viewer.layers[0]
        dock.both.setChecked(False)
        dock.denoise_button.click()
        wait(dock.denoising.ended, lambda: not dock.denoising.running)
        self.take("denoised")

    def compare(self) -> None:
        """Swipe, then everything beside everything with spectra."""
        dock = self.bench.bring("Compare")
        dock.modes["swipe"].click()
        self.take("swipe")
        for button in (dock.modes["grid"], dock.residual_button, dock.spectra_button):
            button.click()
            wait(dock.deriving.ended, lambda: not dock.deriving.running)
        self.take("compare")
        self.close(SPECTRA_TITLE)
        dock.end_button.click()

    def picks(self) -> None:
        """Pick the denoised layer, and show the circles on raw and denoised."""
        raw, denoised = self.viewer.layers[0], self.bench.bring("Compare").denoised.layer
        dock = self.bench.bring("Picks")
        dock.form.fields["diameter"].value = DIAMETER
        dock.layer.layer = denoised
        dock.pick_button.click()
        wait(dock.picking.ended, lambda: not dock.picking.running)
        self.bench.bring("Compare").comparison.show(raw, denoised)
        self.bench.bring("Picks")
        self.take("picks")
        self.bench.bring("Compare").end()

    def confidence(self) -> None:
        """Denoise the lowest layer once more, with the map of confidence beside it."""
        dock = self.bench.bring("Denoise")
        dock.model.path = RUNS / "unet" / "model.safetensors"
        dock.form.expert.setChecked(True)
        dock.form.fields["confidence"].value = True
        dock.denoise_button.click()
        wait(dock.denoising.ended, lambda: not dock.denoising.running)
        self.take("confidence")

    def evaluate(self) -> None:
        """Evaluate the model that was trained on the halves it saw."""
        dock = self.bench.bring("Evaluate")
        dock.model.path = RUNS / "unet" / "model.safetensors"
        dock.evaluate_button.click()
        wait(dock.evaluating.ended, lambda: not dock.evaluating.running, 2)
        self.take("evaluate")
        self.close(EVALUATION_TITLE)

    def batch(self, output: Path) -> None:
        """Denoise the folder, with a file among it that is none."""
        dock = self.bench.bring("Batch")
        dock.micrographs.path, dock.output.path = self.data, output
        dock.denoise_button.click()
        wait(dock.batch.ended, lambda: not dock.batch.running, 2)
        self.take("batch")

    def train_baseline(self) -> None:
        """Train the small network, too."""
        dock = self.bench.bring("Train a denoiser")
        dock.form.fields["network"].value = "baseline"
        dock.folder.path = RUNS / "baseline"
        dock.train_button.click()
        wait(dock.run.ended, lambda: not dock.run.running, MINUTES)
        self.close(TITLE)

    def runs(self) -> None:
        """Show both runs side by side."""
        dock = self.bench.bring("Runs")
        dock.root.path = RUNS
        wait(dock.table.itemSelectionChanged, lambda: dock.table.rowCount() == 2)
        dock.table.selectAll()
        dock.show_button.click()
        self.take("runs")
        self.close(RUNS_TITLE)

    def movies(self) -> None:
        """Make halves of two simulated movies."""
        self.bench.bring("Compare").end()
        self.viewer.layers.clear()
        settings = SimulationSettings(count=2, edge=768, pixel_size=2.0, particles=60, dose=48, movies=24)
        list(simulate_files(Path("sim"), settings))
        dock = self.bench.bring("From movies")
        dock.movies.path, dock.output.path = Path("sim/movies.star"), Path("sums")
        dock.form.fields["dose"].value = 2.0
        dock.make_button.click()
        wait(dock.opening.ended, lambda: not (dock.making.running or dock.opening.running), 2)
        self.take("movies")
        self.close(MOTION_TITLE)

    def browse(self, denoised: Path | None = None) -> None:
        """Look through the micrographs, some of them decided about, as far as the first one is denoised."""
        self.bench.parent().hide()
        docked, dock = self.viewer.window.add_plugin_dock_widget("napari-cryoden", "Browse")
        dock.sources.results.path, dock.source.path = denoised, self.data
        wait(dock.session.changed, lambda: dock.session.shown.stage == "denoised", 5)
        for what in ("accept", "reject"):
            dock.ask(what)
            dock.step(1)
        dock.view.look_at_row(0)
        seen = [dock.session.table.exposures[one].name for one in dock.view.in_view()]
        thumbnails = dock.session.table.thumbnails
        wait(dock.session.table.dataChanged, lambda: all(name in thumbnails for name in seen), 5)
        self.take("browse")
        docked.close()
        self.bench.parent().show()


def walk(tour: Tour, *, whole: bool) -> None:
    """Take the pictures up to comparing, or all of them."""
    tour.open()
    tour.train(RUNS / "unet")
    tour.denoise()
    tour.compare()
    if not whole:
        tour.picks()
        return
    tour.evaluate()
    (tour.data / "broken.mrc").write_bytes(b"\0" * 100)
    tour.batch(Path("denoised"))
    (tour.data / "broken.mrc").unlink()
    tour.browse(Path("denoised"))
    tour.train_baseline()
    tour.runs()
    tour.confidence()
    tour.movies()


def _data(arguments: list[str]) -> Path:
    """Return a folder of halves: the one that was named, or the sample written as files."""
    data = Path("grid_2")
    if arguments:
        data.symlink_to(Path(arguments[0]), target_is_directory=True)
        return data
    data.mkdir()
    for pixels, attributes, _ in sample_pairs():
        write(str(data / f"{attributes['name']}.mrc"), pixels, attributes)
    return data


def main(arguments: list[str]) -> None:
    """Walk through all steps on simulated halves, or as far as comparing on real ones."""
    with TemporaryDirectory() as folder, chdir(folder):  # no path of this machine is in a picture
        tour = Tour(_data(arguments), arguments[1] if arguments else SIMULATED)
        walk(tour, whole=not arguments)
        tour.viewer.close()


if __name__ == "__main__":
    main(sys.argv[1:])
