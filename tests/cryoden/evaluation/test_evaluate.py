from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.evaluation import exposures, json_file, report
from cryoden.evaluation.conclusions import Finding, MethodConclusion, conclusions
from cryoden.evaluation.evaluate import EvaluationFinished, MethodScored, evaluate
from cryoden.evaluation.exposures import Exposure, Subject
from cryoden.evaluation.scores import Row, Table
from cryoden.events.batch import TileFinished
from cryoden.image.filters import gaussian
from cryoden.io import mrc
from cryoden.micrograph import HalfPair, Micrograph, Pixels
from cryoden.settings.tools import EvaluationSettings
from cryoden.simulation import exposure
from cryoden.simulation.scene import Scene

EDGE = 512


@dataclass(frozen=True)
class Planted:
    """A method whose faults are known."""

    name: str
    kind: Any = "model"

    def denoise(self, exposure: Exposure) -> Generator[TileFinished, None, tuple[Pixels, Pixels]]:
        yield TileFinished(1, 1)
        function = self.function(exposure)
        return function(exposure.even), function(exposure.odd)

    def function(self, exposure: Exposure) -> Any:
        if self.name == "oracle":
            truth = np.asarray(exposure.truth, np.float32)
            return lambda image: truth + gaussian(image, 8)
        return {"copy": _copy, "prints": _prints, "dreams": _dreams, "gray": np.zeros_like}[self.name]


def _copy(image: Pixels) -> Pixels:
    return image.copy()


def _prints(image: Pixels) -> Pixels:
    """Put the same particles on every micrograph."""
    pattern = gaussian(np.random.default_rng(9).standard_normal(image.shape, np.float32), 8)
    return np.asarray(gaussian(image, 4) + 0.6 * pattern / pattern.std(), np.float32)


def _dreams(image: Pixels) -> Pixels:
    """Make particles of equal strength out of whatever there is."""
    smooth = gaussian(image, 4)
    return np.asarray(np.sign(smooth - smooth.mean()), np.float32)


@cache
def subject(seed: int, edge: int = EDGE) -> Subject:
    """Return a simulated pair with all that its halves share as truth."""
    shown = exposure.exposed(Scene(edge=edge, particles=30, seed=seed))
    truth = Micrograph(shown.clean_with_ice, shown.scene.pixel_size, f"m{seed}")
    return Subject(f"m{seed}", shown.pair(f"m{seed}"), truth)


@cache
def finished() -> EvaluationFinished:
    """Two simulated pairs with truth and all planted methods, evaluated once for all tests."""
    planted: Any = [Planted(name) for name in ("oracle", "copy", "prints", "dreams", "gray")]
    *_, last = evaluate([subject(1), subject(2)], planted, EvaluationSettings())
    assert isinstance(last, EvaluationFinished)
    return last


def row(name: str) -> Row:
    return next(row for row in finished().table.rows if row.name == name)


def found(name: str) -> MethodConclusion:
    return next(verdict for verdict in conclusions(finished().table) if verdict.name == name)


def against(name: str) -> list[Finding]:
    verdict = found(name)
    return [one for one in (verdict.better, *verdict.findings) if one.status == "bad"]


def test_doing_nothing_gains_nothing() -> None:
    raw = row("raw").mean
    assert (raw.gain_db, raw.bias_ratio, raw.truth_db) == pytest.approx((0, 0, 0), abs=1e-9)
    assert finished().table.gain_db(row("raw")) == pytest.approx(0, abs=1e-9)
    assert raw.noise_left == pytest.approx(1)


def test_the_gain_estimated_from_the_halves_is_the_gain_against_the_truth() -> None:
    table = finished().table
    tried = [row for row in table.rows if row.name not in {"gray", "oracle"}]
    estimated = [table.gain_db(row) for row in tried]
    assert len(tried) == 13
    assert estimated == pytest.approx([row.mean.truth_db for row in tried], abs=0.3)
    assert max(filter(None, estimated)) > 5
    assert min(filter(None, estimated)) < -5


def test_the_best_low_pass_is_the_one_the_truth_would_choose_and_beats_doing_nothing() -> None:
    table = finished().table
    best = table.best_low_pass()
    assert best is not None
    by_truth = max((r for r in table.rows if r.kind == "low-pass"), key=lambda r: r.mean.truth_db or 0)
    assert abs(table.rows.index(best) - table.rows.index(by_truth)) <= 1
    assert best.mean.detail > 1.5 * table.raw.mean.detail


def test_a_model_that_hands_back_its_input_is_found_out() -> None:
    assert any("hands back its input: 100 %" in finding.words for finding in against("copy"))


def test_a_model_that_prints_the_same_particles_everywhere_is_found_out() -> None:
    assert any(re.match(r"Hallucinated signal: 9\d %", finding.words) for finding in against("prints"))


def test_no_filter_invents_and_none_is_said_to_hand_back_its_input() -> None:
    filters = [row for row in finished().table.rows if row.kind in {"low-pass", "wiener"}]
    assert len(filters) == 9
    assert max(row.mean.hallucinated for row in filters) < 0.05
    assert max(row.mean.noise_left for row in filters) < 0.5


def test_a_model_that_makes_particles_of_noise_is_found_out() -> None:
    assert any("Pure noise makes it show" in finding.words for finding in against("dreams"))


def test_a_model_that_makes_everything_gray_is_found_out() -> None:
    compared, other = against("gray")
    assert compared.words.startswith("Worse than the raw input")
    assert other.words.startswith("Blank output")


def test_figures_are_kept_pair_by_pair() -> None:
    wiener = row("Wiener")
    assert list(wiener.pairs) == ["m1", "m2"]
    assert wiener.mean.detail == pytest.approx(np.mean([scores.detail for scores in wiener.pairs.values()]))
    assert wiener.pairs["m1"].detail != wiener.pairs["m2"].detail


def test_a_filter_that_treats_directions_alike_does_not_change_the_ring_correlation() -> None:
    curves = [np.array(row(name).curves.frc, float) for name in ("raw", "low-pass 10 Å")]
    assert np.nanmax(np.abs(curves[0] - curves[1])[:60]) < 0.02


def test_figures_survive_the_way_to_disk_and_back(tmp_path: Path) -> None:
    json_file.write(finished().table, tmp_path / "a.json")
    assert json_file.load(tmp_path / "a.json") == finished().table


def test_the_halves_of_a_scene_are_cut_to_the_center_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposures, "CENTER", 256)  # of 1024, which takes sixteen times as long
    *_, last = evaluate([subject(1, 320)], [], EvaluationSettings(region="center"))
    assert isinstance(last, EvaluationFinished)
    assert last.table.pixels == 256**2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of halves, their truth, and what another program made of them."""
    folder = tmp_path_factory.mktemp("evaluate")
    for name in ("halves", "truth", "smooth"):
        (folder / name).mkdir()
    for one in (subject(1), subject(2)):
        assert isinstance(one.truth, Micrograph)
        _write(folder / "truth" / f"{one.name}_clean.mrc", one.truth.data)
        for half in (one.halves.even, one.halves.odd):
            assert isinstance(half, Micrograph)
            _write(folder / "halves" / f"{half.name}.mrc", half.data)
            _write(folder / "smooth" / f"{half.name}_denoised.mrc", 3 + 0.01 * gaussian(half.data, 3))
    return folder


def _write(path: Path, pixels: Pixels) -> None:
    mrc.write(path, pixels, pixel_size=2.0, label="made for a test")


def run(folder: Path, *more: str) -> int:
    return main(["evaluate", str(folder / "halves"), *more])


def test_the_command_line_compares_files_of_another_program_and_writes_a_report(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "a.html"
    truth, smooth = ["--truth", str(folder / "truth")], ["--other", f"smooth={folder / 'smooth'}"]
    assert run(folder, *truth, *smooth, "--figures", str(figures), "--report", str(page)) == 0
    told = capsys.readouterr().out
    assert "low-pass 20 Å" in told
    assert "low-pass 20 Å" in page.read_text(encoding="utf-8")
    assert "dB against the ground truth, the Wiener filter" in " ".join(told.split())
    table = json_file.load(figures)
    smooth_row = table.rows[-1]
    assert smooth_row.name == "smooth"
    assert table.gain_db(smooth_row) == pytest.approx(smooth_row.mean.truth_db, abs=1.0)
    assert smooth_row.mean.bias_ratio == pytest.approx(row("low-pass 30 Å").mean.bias_ratio, abs=0.2)
    assert table.provenance["pairs"][0]["others"]["smooth"][1].endswith("m1_ODD_denoised.mrc")


def test_a_missing_partner_is_told_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(str(path) for path in (folder / "smooth").glob("*.mrc"))[:-1]
    assert run(folder, "--other", f"smooth={files[0]}", *files[1:]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "D02  smooth: 1 of 4 micrographs have no file: m2_ODD (expected m2_ODD_denoised.mrc)"
    )


def test_json_says_how_each_method_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for half in (*_halves(subject(1, 256)), *_halves(subject(2, 256))):
        _write(tmp_path / f"{half.name}.mrc", half.data)
    assert main(["evaluate", str(tmp_path), "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == [
        "EvaluationStarted",
        *["MethodScored"] * 22,
        "EvaluationFinished",
    ]
    table = Table.from_json(events[-1])
    assert table.raw.mean.noise_left == pytest.approx(1)
    former = json.loads(json.dumps(events[-1]).replace('"hallucinated"', '"invented"'))
    assert Table.from_json(former) == table, "numbers written by version 0.1 are read"
    assert {event["method"] for event in events[1:-1]} == {row["name"] for row in events[-1]["rows"]}


def test_a_figure_file_that_exists_is_refused_before_any_work(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    figures.write_text("mine")
    assert run(folder, "--figures", str(figures)) == 1
    assert capsys.readouterr().err.startswith("O05")
    assert figures.read_text() == "mine"


def test_every_method_is_scored_on_every_pair() -> None:
    events = list(evaluate([subject(1, 256)], [], EvaluationSettings()))
    scored = [event.method for event in events if isinstance(event, MethodScored)]
    assert scored[0] == "raw"
    assert len(scored) == len(set(scored)) == 10


def test_halves_without_a_pixel_size_are_measured_in_pixels() -> None:
    halves = [Micrograph(half.data, None, half.name) for half in _halves(subject(1, 256))]
    *_, last = evaluate([Subject("m1", HalfPair(*halves))], [], EvaluationSettings())
    assert isinstance(last, EvaluationFinished)
    assert last.table.unit == "px"
    assert last.table.rows[1].name == "low-pass 5 px"


def _halves(one: Subject) -> list[Micrograph]:
    return [half for half in (one.halves.even, one.halves.odd) if isinstance(half, Micrograph)]


def test_the_report_shows_every_method_and_loads_nothing_from_anywhere(tmp_path: Path) -> None:
    found = finished()
    report.write(found.table, found.pictures, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = _Reader()
    reader.feed(page)
    assert {row.name for row in found.table.rows} <= {text.removesuffix(" *") for text in reader.texts}
    assert not re.findall(r"https?:|//[\w-]+\.|url\(|@import|<script|<link|<iframe", page)
    assert all(source.startswith("data:image/png;base64,") for source in reader.sources)
    assert len(reader.sources) == 3 + 3 * 5  # raw, low-pass, Wiener; of each model its image and two doubts
    assert any("Hallucinated signal" in text for text in reader.texts)


class _Reader(HTMLParser):
    """Collects what a page says and where its pictures are from."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.sources.append(dict(attrs)["src"] or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_a_method_with_a_hostile_name_cannot_change_the_report() -> None:
    found = finished()
    name = "<script>alert(1)</script>"
    renamed = tuple(replace(row, name=name if row.name == "copy" else row.name) for row in found.table.rows)
    assert name not in report.page(replace(found.table, rows=renamed), found.pictures)


def blind() -> Table:
    """Return the table without what the truth told."""
    rows = finished().table.rows
    return replace(
        finished().table, rows=tuple(replace(row, mean=replace(row.mean, truth_db=None)) for row in rows)
    )


def test_the_truth_decides_where_there_is_one() -> None:
    assert re.search(r"\+0\.0 dB against the truth; the Wiener filter has \+\d", found("copy").better.words)
    assert "over all structures: r 0." in conclusions(blind())[1].better.words


def test_a_method_that_knows_more_than_any_filter_is_called_better_with_truth_and_without() -> None:
    for table in (finished().table, blind()):
        assert conclusions(table)[0].better.words.startswith("Better than every simple filter")
        assert [one.name for one in conclusions(table) if one.better.status == "good"] == ["oracle"]
        assert {one.name for one in conclusions(table) if one.better.status == "bad"} >= {
            "prints",
            "dreams",
            "gray",
        }


def test_a_model_judged_on_what_it_was_trained_on_is_told_of() -> None:
    table = replace(finished().table, provenance={"models": {"copy": {"trained_on": ["m2"]}}})
    words = {one.name: [finding.words for finding in one.findings] for one in conclusions(table)}
    assert "It was trained on 1 of these 2 pairs: on others it may do worse." in words["copy"]
    assert not any("trained on" in said for said in words["prints"])
