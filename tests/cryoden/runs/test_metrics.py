from __future__ import annotations

import csv
from typing import Any

from cryoden.events.history import History
from cryoden.events.training import EpochFinished
from cryoden.runs import metrics
from tests.napari_cryoden import runs


def test_every_step_and_epoch_is_a_row_in_the_order_it_happened(tmp_path: Any) -> None:
    history = runs.history(epochs=2)
    metrics.write(history, tmp_path / "losses.csv")
    with (tmp_path / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, *range(1, 11), 10, *range(11, 21), 20]
    assert [float(row["step_loss"]) for row in rows if row["step_loss"]] == history.losses
    epochs = [row for row in rows if row["epoch"]]
    assert [float(row["validation_loss"]) for row in epochs] == [e.validation_loss for e in history.epochs]
    assert epochs[0]["train_loss"] == ""
    assert [(row["snr_palovcak_db"], row["bias_ratio"], row["resolution"]) for row in epochs] == [
        ("21.5", "0.12", "18.4")
    ] * 3
    assert [row["verdict"] for row in epochs] == [epoch.verdict.words for epoch in history.epochs]


def test_a_newer_table_replaces_the_older_one(tmp_path: Any) -> None:
    for epochs in (3, 1):
        metrics.write(runs.history(epochs), tmp_path / "losses.csv")
    assert len((tmp_path / "losses.csv").read_text().splitlines()) == 1 + 1 + 11
    assert [path.name for path in tmp_path.iterdir()] == ["losses.csv"]


def test_what_a_plot_saved_is_read_back(tmp_path: Any) -> None:
    history, back = runs.history(epochs=2), History()
    metrics.write(history, tmp_path / "losses.csv")
    for event in metrics.read(tmp_path / "losses.csv"):
        back.add(event)
    assert (back.steps, back.losses) == (history.steps, history.losses)
    assert [one.quality for one in back.epochs] == [one.quality for one in history.epochs]


def test_the_correlation_in_the_particle_band_is_a_column_that_older_tables_lack(tmp_path: Any) -> None:
    path, history = tmp_path / "losses.csv", runs.history(epochs=1, banded=True)
    metrics.write(history, path)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    figures = [one.quality.band for one in history.epochs]
    assert None not in figures
    assert [float(row["band_correlation"]) for row in rows if row["validation_loss"]] == figures
    for row in rows:
        del row["band_correlation"]
        row["snr_gain_db"] = row.pop("snr_palovcak_db")  # as it was called then
    with path.open("w") as file:
        older = csv.DictWriter(file, rows[0])
        older.writeheader()
        older.writerows(rows)
    epochs = [one for one in metrics.read(path) if isinstance(one, EpochFinished)]
    assert [one.validation_loss for one in epochs] == [one.validation_loss for one in history.epochs]
    assert [(one.quality.band, one.quality.palovcak) for one in epochs] == [(None, 21.5)] * 2
