"""The dock "Denoise"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Image, Layer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from cryoden.errors import CryodenError
from cryoden.settings.arguments import option
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.choices.commands import chosen, denoise, file_of, reading_of, section_of
from napari_cryoden.choices.kept import keep
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.layers.half_pairs import LayerPair
from napari_cryoden.layers.half_sum import halves_of, open_sum, pair_with, sum_of
from napari_cryoden.layers.layer_data import facts_of, lacks_pixel_size, raw_of, set_pixel_size
from napari_cryoden.layers.plane import plane_of, size_of
from napari_cryoden.preferences import preferences
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import Dock, row, status_label
from napari_cryoden.widgets.layer_combo import LayerCombo
from napari_cryoden.widgets.model_field import ModelField
from napari_cryoden.widgets.number_field import DecimalField
from napari_cryoden.widgets.path_field import PathField
from napari_cryoden.widgets.settings_form import PIXEL_DECIMALS, SettingsForm
from napari_cryoden.window import plain


class DenoiseWidget(Dock):
    """Choose a layer and a model; the result appears beside the raw layer."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.denoising = DenoisingJob.of(self.viewer)
        self.layer = LayerCombo(self.viewer, "Micrograph to denoise")
        self.size_row, self.pixel_size = _pixel_size()
        self.model = ModelField(self.viewer)
        self.form = SettingsForm(DenoisingSettings(device=preferences().device))
        self.both = QCheckBox("Sum of both halves")
        self.also_residual = QCheckBox("Add residual (raw − denoised)")
        self.also_file = QCheckBox("Save as MRC file")
        self.output = PathField("save", "MRC file to write", "MRC files (*.mrc)")
        self.denoise_button, self.cancel_button = QPushButton("Denoise"), QPushButton("Cancel")
        self.compare_button = QPushButton("Side by side")
        self.progress = QProgressBar()
        self.status = status_label()
        self._proposed: Path | None = None
        self._lay_out()
        self._connect()
        keep(
            self.viewer,
            "Denoise",
            form=self.form,
            model=self.model,
            both=self.both,
            residual=self.also_residual,
            file=self.also_file,
        )
        self._choose_active()
        self._propose()
        self.follow()

    def denoise(self) -> None:
        """Denoise the chosen layer, or say in one line why not."""
        layer, model = self.layer.layer, self.model.path
        if layer is None or model is None:
            return
        output = self.output.path if self.also_file.isChecked() else None
        try:
            pair = self._pair() if self.both.isChecked() else None
            self._give_pixel_size(*((pair.even, pair.odd) if pair else (layer,)))
            layer = self._sum(pair) if pair else layer
            residual = self.also_residual.isChecked()
            self.denoising.denoise(layer, model, self.form.settings(), output, residual)
        except CryodenError as error:
            self.denoising.refuse(error)

    def command(self) -> str:
        """Return the command line that denoises the file of the layer, or the two of a sum."""
        layer, model = self.layer.layer, chosen(self.model.path, "a model")
        pair = self._pair() if self.both.isChecked() else None
        files = list(halves_of(layer)) if layer is not None else []
        shown = [pair.even, pair.odd] if pair else [layer]
        files = [file_of(half) for half in shown] if pair or not files else files
        wanted = self.output.path if self.also_file.isChecked() else None
        folder = wanted.absolute().parent if wanted else files[0].parent / "denoised"
        size = self.pixel_size.value() if lacks_pixel_size(layer) else 0.0
        more = [*section_of(layer), *reading_of(*shown), *option("pixel-size", f"{size:g}" if size else None)]
        return denoise(files, folder, model, self.form.settings(), more=more)

    def follow(self) -> None:
        """Show the state of the window's denoising."""
        job = self.denoising
        problem = self._problem()
        self.denoise_button.setEnabled(not problem)
        set_tip(self.denoise_button, problem or self._use())
        self.cancel_button.setEnabled(job.running and not (job.stopping or job.computed))
        set_tip(self.cancel_button, "Stop after the current tile" if job.running else "Nothing is running")
        self.both.setVisible(self._pair() is not None)
        self.size_row.setVisible(self.layer.layer is not None and lacks_pixel_size(self.layer.layer))
        self.compare_button.setEnabled(job.comparison.active or self._both_are_there())
        self.compare_button.setChecked(job.comparison.active)
        self.status.setText("stopping after the current tile …" if job.stopping else job.status or problem)
        done, total = job.tiles
        self.progress.setRange(0, total or (0 if job.running else 1))
        self.progress.setValue(done)

    def _both_are_there(self) -> bool:
        job = self.denoising
        return all(one is not None and one in self.viewer.layers for one in (job.raw, job.result))

    def _pair(self) -> LayerPair | None:
        """Return the two halves of which the chosen layer is one, where both are open."""
        return pair_with(self.layer.layer, self.viewer.layers) if self.layer.layer is not None else None

    def _give_pixel_size(self, *layers: Any) -> None:
        for layer in layers:
            if self.pixel_size.value() and lacks_pixel_size(layer):
                set_pixel_size(layer, self.pixel_size.value())

    def _sum(self, pair: LayerPair) -> Any:
        """Return the layer of the sum of both halves, added where it is not there."""
        if known := open_sum(pair, self.viewer.layers):
            return known
        data, attributes, kind = sum_of(pair)  # beside a comparison it is seen with its result
        added = self.viewer.add_layer(Layer.create(data, attributes | {"visible": False}, kind))
        self.denoising.comparison.reveal(added)
        return added

    def _use(self) -> str:
        if self._pair() and self.both.isChecked():
            return "Denoise the sum of both halves, and add the sum and the result as layers"
        section = plane_of(self.layer.layer).words if size_of(self.layer.layer) else ""
        return f"Denoise{f' {section}' if section else ''}, and add the result as a layer"

    def _choose_active(self) -> None:
        """Begin with the layer the user has selected, or with the micrograph that it was made of."""
        active = self.viewer.layers.selection.active
        if isinstance(active, Image):
            self.layer.layer = raw_of(active, self.viewer.layers) or self.layer.layer

    def _problem(self) -> str:
        if self.denoising.running:
            return "A micrograph is being denoised; cancel it or wait until it is done"
        if self.layer.layer is None:
            return "Open a micrograph first"
        return self.model.problem

    def _compare(self, side_by_side: bool) -> None:
        job = self.denoising
        if side_by_side and self._both_are_there():
            job.comparison.show(job.raw, job.result)
        else:
            job.comparison.leave()
            self.follow()

    def _propose(self) -> None:
        """Name the output after the layer, beside its source or in the home folder."""
        layer = self.layer.layer
        if layer is None or self.output.path not in {None, self._proposed}:
            return
        source = facts_of(layer).get("source")
        folder = Path(source).parent if source else Path.home()
        pair = self._pair() if self.both.isChecked() else None
        name = (pair.name if pair else layer.name).replace("/", "_")
        self._proposed = folder / f"{name}_denoised.mrc"
        self.output.path = self._proposed

    def _slid(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        self.follow()

    def _chosen(self) -> None:
        self._propose()
        self.follow()

    def _connect(self) -> None:
        self.denoise_button.clicked.connect(self.denoise)
        self.cancel_button.clicked.connect(self.denoising.stop)
        self.compare_button.clicked.connect(self._compare)
        self.also_file.toggled.connect(self.output.setVisible)
        self.layer.currentIndexChanged.connect(self._chosen)
        self.both.toggled.connect(self._chosen)
        self.model.changed.connect(self.follow)
        self.denoising.changed.connect(self.follow)
        self.viewer.dims.events.current_step.connect(self._slid)
        self.denoising.comparison.changed.connect(self.follow)

    def _lay_out(self) -> None:
        self.output.setVisible(False)
        self.both.setChecked(True)
        set_tip(
            self.both,
            "The other half is open, too: their sum has twice the electrons, and is denoised better than "
            "either half. To evaluate, denoise each half",
        )
        set_tip(
            self.also_residual, "Add the residual as a layer: it should look like noise, without particles"
        )
        set_tip(self.also_file, "Also write the result to a file, with the header of the micrograph")
        self.compare_button.setCheckable(True)
        set_tip(
            self.compare_button,
            "Show raw and denoised side by side; click again to restore the previous view",
        )
        self.add_sections(
            ("Micrograph", self.layer),
            ("Model", self.model),
            ("Settings", self.form),
        )
        self.column.insertWidget(2, self.both)
        self.column.insertWidget(3, self.size_row)
        self.column.addWidget(self.also_residual)
        self.column.addWidget(self.also_file)
        self.column.addWidget(self.output)
        self.column.addStretch(1)
        buttons = QHBoxLayout()
        for button in (self.denoise_button, self.cancel_button):
            buttons.addWidget(button)
        self.footer.addLayout(buttons)
        self.footer.addWidget(self.compare_button)
        self.footer.addLayout(row(self.progress, self.copy_button()))
        self.footer.addWidget(self.status)


def _pixel_size() -> tuple[QWidget, DecimalField]:
    row, field = QWidget(), DecimalField()
    field.setDecimals(PIXEL_DECIMALS)
    field.setRange(0, 1000)
    field.setSingleStep(0.1)
    field.setSpecialValueText("not known")
    set_tip(field, "The header has none, or a placeholder: what is entered here is the layer's")
    label = QLabel("Pixel size (Å)")
    set_tip(label, field.toolTip())
    columns = QHBoxLayout(row)
    columns.setContentsMargins(0, 0, 0, 0)
    columns.addWidget(label)
    columns.addWidget(field, stretch=1)
    return row, field
