"""The dock "Evaluate"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QFormLayout, QProgressBar, QPushButton, QWidget

from cryoden.errors import CryodenError
from cryoden.evaluation import json_file, report
from cryoden.settings.arguments import arguments, command, option
from cryoden.settings.tools import EvaluationSettings
from napari_cryoden.choices.commands import file_of, reading_of
from napari_cryoden.choices.kept import keep
from napari_cryoden.jobs.evaluation import EvaluationJob, LayerPair
from napari_cryoden.layers.half_pairs import pairs_of
from napari_cryoden.layers.layer_data import facts_of, raw_of
from napari_cryoden.plots.evaluation_dock import show_evaluation
from napari_cryoden.preferences import preferences
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import Dock, heading, row, status_label, weakly
from napari_cryoden.widgets.layer_combo import LayerCombo
from napari_cryoden.widgets.model_field import ModelField
from napari_cryoden.widgets.settings_form import SettingsForm
from napari_cryoden.window import plain

KINDS = "Report (*.html);;Numbers (*.json)"


class EvaluateWidget(Dock):
    """Choose raw halves, and what they became: layers, or a model file."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(napari_viewer)
        self.evaluating = EvaluationJob.of(self.viewer)
        self.even, self.odd = (LayerCombo(self.viewer, f"The raw {half} half") for half in ("even", "odd"))
        self.denoised_even, self.denoised_odd = (
            LayerCombo(self.viewer, f"The denoised {half} half, of any program", none="none")
            for half in ("even", "odd")
        )
        self.model = ModelField(self.viewer, general=False)
        self.form = SettingsForm(EvaluationSettings(device=preferences().device))
        self.evaluate_button, self.cancel_button = QPushButton("Evaluate"), QPushButton("Cancel")
        self.save_button = QPushButton("Save report…")
        self.table_button = QPushButton("Table")
        self.progress = QProgressBar()
        self.status = status_label()
        self._lay_out()
        self._connect()
        keep(self.viewer, "Evaluate", form=self.form, model=self.model)
        self._offer()
        self.follow()

    def evaluate(self) -> None:
        """Evaluate what is chosen, or say in one line why not."""
        models = () if self.model.path is None else (self.model.path,)
        raw = (self.even.layer, self.odd.layer)
        try:
            self.evaluating.evaluate(raw, self._denoised(), models, self.form.settings())
        except CryodenError as error:
            self.evaluating.refuse(error)
            return
        show_evaluation(self.viewer)

    def command(self) -> str:
        """Return the command line of this evaluation."""
        halves = [file_of(one.layer) for one in (self.even, self.odd)]
        files = [str(file_of(layer)) for layer in self._denoised() or ()]
        model = None if self.model.path is None else self.model.path.absolute()
        others = option("other", f"denoised={files[0]}", *files[1:]) if files else []
        reading = reading_of(self.even.layer, self.odd.layer)
        flags = *option("model", model), *others, *arguments(self.form.settings()), *reading
        return command("evaluate", *halves, *flags)

    def save(self, path: Path) -> None:
        """Write the last result as a page, or as figures where the name ends in ``.json``."""
        result = self.evaluating.result
        if result is None:
            return
        try:
            if path.suffix.lower() == ".json":
                json_file.write(result.table, path)
            else:
                report.write(result.table, result.pictures, path)
        except CryodenError as error:
            self.evaluating.refuse(error)
        else:
            self.status.setText(f"Written: {path}")

    def show_table(self) -> None:
        """Show the table below the canvas again."""
        show_evaluation(self.viewer)

    def follow(self) -> None:
        """Show the state of the window's evaluation."""
        job, problem = self.evaluating, self._problem()
        self.evaluate_button.setEnabled(not problem)
        set_tip(
            self.evaluate_button,
            problem or "Compare with the raw input, low-pass filters and a Wiener filter",
        )
        self.cancel_button.setEnabled(job.running and not job.stopping)
        self.save_button.setEnabled(job.result is not None)
        self.status.setText("stopping after the current step …" if job.stopping else job.status or problem)
        known = job.progress is not None
        self.progress.setRange(0, 1000 if known or not job.running else 0)
        self.progress.setValue(round(1000 * (job.progress or 0)))

    def _problem(self) -> str:
        if self.evaluating.running:
            return "An evaluation is running; cancel it or wait until it is done"
        if self.even.layer is None or self.even.layer is self.odd.layer:
            return "Open both raw halves of a micrograph"
        one, other = self.denoised_even.layer, self.denoised_odd.layer
        if (one is None) is not (other is None):
            return "Choose both denoised halves, or none"
        if one is not None and one is other:
            return "Choose two denoised layers, one for each raw half"
        if self.model.path is not None and not self.model.path.is_file():
            return f"No such model file: {self.model.path}"
        return ""

    def _denoised(self) -> LayerPair | None:
        one, other = self.denoised_even.layer, self.denoised_odd.layer
        return None if one is None or other is None else (one, other)

    def _offer(self) -> None:
        """Choose what nobody has chosen yet: a pair, and what was denoised from it."""
        pairs = pairs_of(self.viewer.layers)
        if pairs and self.even.layer is self.odd.layer:
            self.even.layer, self.odd.layer = pairs[0].even, pairs[0].odd
        results = [self._result_of(raw.layer) for raw in (self.even, self.odd)]
        untouched = self.denoised_even.layer is None and self.denoised_odd.layer is None
        if untouched and None not in results:  # one half alone would stand in the way of a model
            self.denoised_even.layer, self.denoised_odd.layer = results

    def _result_of(self, raw: Any) -> Any:
        if raw is None:
            return None
        opened = list(self.viewer.layers)
        made = [
            one for one in opened if facts_of(one).get("role") == "denoised" and raw_of(one, opened) is raw
        ]
        named = [one for one in opened if one.name == f"{raw.name} · denoised"]  # by other means
        return next(iter([*made, *named]), None)

    def _added(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        self._offer()

    def _ask(self) -> None:
        keep = QFileDialog.Option.DontConfirmOverwrite  # nothing is ever replaced
        chosen, _ = QFileDialog.getSaveFileName(self, "Save report", "evaluation.html", KINDS, options=keep)
        if chosen:
            self.save(Path(chosen))

    def _connect(self) -> None:
        self.evaluate_button.clicked.connect(self.evaluate)
        self.cancel_button.clicked.connect(self.evaluating.stop)
        self.save_button.clicked.connect(self._ask)
        self.table_button.clicked.connect(weakly(self.show_table))
        for box in (self.even, self.odd, self.denoised_even, self.denoised_odd):
            box.currentIndexChanged.connect(self.follow)
        self.model.changed.connect(self.follow)
        self.evaluating.changed.connect(self.follow)
        self.viewer.layers.events.inserted.connect(self._added)

    def _lay_out(self) -> None:
        set_tip(self.save_button, "Save as a report (HTML), or as numbers (JSON)")
        set_tip(self.table_button, "Show the table below the canvas")
        set_tip(self.cancel_button, "Stop after the current step")
        for title, content in (
            ("Raw halves", _halves(self.even, self.odd)),
            ("Denoised halves", _halves(self.denoised_even, self.denoised_odd)),
            ("Model", self.model),
            ("Settings", self.form),
        ):
            self.column.addWidget(heading(title))
            self.column.addWidget(content)
        self.column.addStretch(1)
        for buttons in ((self.evaluate_button, self.cancel_button), (self.save_button, self.table_button)):
            self.footer.addLayout(row(*buttons))
        self.footer.addLayout(row(self.progress, self.copy_button()))
        self.footer.addWidget(self.status)


def _halves(even: LayerCombo, odd: LayerCombo) -> QWidget:
    content = QWidget()
    rows = QFormLayout(content)
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    rows.addRow("even", even)
    rows.addRow("odd", odd)
    return content
