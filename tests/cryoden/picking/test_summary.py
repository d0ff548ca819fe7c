from __future__ import annotations

import json
from pathlib import Path

import pytest

from cryoden.picking.measure import CHANCE, RAW, MethodPicked, PickingFinished, PickingQuestion, low_pass_name
from cryoden.picking.precision import Detection
from cryoden.picking.summary import NO_PROOF, OF_PICKER, page, summaries, table_of, write
from cryoden.settings.picking import PickingSettings


def picked(method: str, precision: float, micrograph: str = "m", known: int = 10) -> MethodPicked:
    return MethodPicked(micrograph, method, Detection(precision, 0.5, 0.75, known, 40), 12, 8, 3)


RESULTS = (
    picked(RAW, 0.2), picked(low_pass_name(20), 0.3), picked(low_pass_name(40), 0.5), picked(CHANCE, 0.01),
    picked(RAW, 0.4, "n"), picked(low_pass_name(20), 0.9, "n"), picked(low_pass_name(40), 0.8, "n"),
    picked(CHANCE, 0.03, "n"),
)  # fmt: skip
ASKED = PickingQuestion([Path("m.mrc")], [Path("p.star")], PickingSettings(diameter=120))


def test_means_have_standard_errors_and_the_best_low_pass_over_all_stands_for_them() -> None:
    raw, smooth, chance = summaries(RESULTS)
    assert (raw.method, smooth.method, chance.method) == (RAW, "low-pass 40 Å, the best of 2", CHANCE)
    assert raw.average_precision == pytest.approx(0.3)
    assert raw.error == pytest.approx(0.1)
    assert (raw.taken, raw.true, raw.by_chance, raw.micrographs) == (12, 8, 3, 2)


def test_empty_ice_counts_for_picks_and_not_for_precision() -> None:
    (raw,) = summaries([picked(RAW, 0.5), picked(RAW, float("nan"), "empty", known=0)])
    assert raw.average_precision == 0.5
    assert raw.micrographs == 2


@pytest.mark.parametrize("of_picker", [True, False])
def test_what_the_figures_mean_and_do_not_is_said(of_picker: bool) -> None:
    table = table_of([*RESULTS, PickingFinished(RESULTS, (), of_picker)], ASKED)
    assert table.notes[0].startswith(
        "20 known particles on 2 micrographs, of 120 Å; a pick is at one within 30 Å"
    )
    assert NO_PROOF in table.notes
    assert (OF_PICKER in table.notes) is of_picker


def test_the_table_is_written_as_page_and_as_numbers(tmp_path: Path) -> None:
    one = picked(RAW, 0.5)
    table = table_of([PickingFinished((one,), (), False)], ASKED)
    for name in ("t.md", "t.html", "t.json"):
        write(table, tmp_path / name)
    assert "| raw | 0.500 | 0.500 | 0.750 | 12.0 | 8.0 | 3.0 |" in (tmp_path / "t.md").read_text()
    assert "<td>0.500</td>" in (tmp_path / "t.html").read_text()
    values = json.loads((tmp_path / "t.json").read_text())
    assert values["rows"][0]["error"] is None, "of one micrograph there is none"
    assert values["provenance"]["settings"]["diameter"] == 120
    assert page(table).startswith("# Picking")
