"""The way of a whole project: the commands of docs/whole-project.md, in their order, with smaller sizes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.dataset.opening import read_micrograph
from cryoden.dataset.star_files import HALVES, listed, micrographs_of
from cryoden.evaluation import json_file
from cryoden.hosts.listed_results import DENOISED
from cryoden.image.correlation import pearson
from cryoden.io.star import having, read_tables
from cryoden.micrograph import Array, Pixels
from cryoden.model.checkpoint import load
from cryoden.movies.shift_tables import read_shifts
from cryoden.picking.star_picks import read_star

PAGE = Path(__file__).parents[2] / "docs" / "whole-project.md"
NAMES = ("sim0000", "sim0001", "sim0002")
REACH = 130 / 3 / 4  # px: a quarter of the diameter
SMALLER = {  # in the place of what the page says, or behind it
    "simulate": "--edge 320 --pixel-size 3 --particles 15 --movies 8 --device cpu",
    "halves": "--dose 6 --device cpu",
    "train": "--network baseline --epochs 3 --steps-per-epoch 20 --batch 4 --patch 64 --device cpu",
    "evaluate": "--device cpu --region center",
}


def commands() -> list[list[str]]:
    """Return the commands of the page, words as a shell splits them, each flag of `SMALLER` in its place."""
    found = re.findall(r"^cryoden (.+)$", PAGE.read_text().split("## In the viewer")[0], re.MULTILINE)
    return [_smaller(shlex.split(command)) for command in found]


def _smaller(words: list[str]) -> list[str]:
    more = shlex.split(SMALLER.get(words[0], ""))
    if "--epochs" in more:  # in the place of minutes, which no test should depend on
        words = [*words[: words.index("--minutes")], *words[words.index("--minutes") + 2 :]]
    for flag, value in zip(more[::2], more[1::2], strict=True):
        if flag in words:
            words[words.index(flag) + 1] = value
        else:
            words += [flag, value]
    return words


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that has gone the whole way."""
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in commands():
            assert main(words) == 0, words
        yield folder


def test_movies_were_aligned_and_their_halves_are_in_a_list_as_relion_has_them(project: Path) -> None:
    rows = listed(project / "sums/micrographs.star", HALVES)
    assert [[file.name for file in row.files] for row in rows] == [
        [f"{name}_EVN.mrc", f"{name}_ODD.mrc"] for name in NAMES
    ]
    frames, *shifts = read_shifts(project / "sums/sim0000_shifts.star")
    assert len(frames) == 8
    assert np.hypot(*np.array(shifts)[:, -1]) == pytest.approx(15, abs=4)


def test_the_model_of_the_run_denoised_all_on_two_workers_and_the_particles_are_seen(project: Path) -> None:
    assert load(project / "runs/first/model.safetensors").network == "baseline"
    assert (project / "runs/first/report.html").exists()
    star = project / "denoised/micrographs_denoised.star"
    table = having(read_tables(star), [DENOISED])
    assert table is not None
    results = [project / name for (name,) in table.columns([DENOISED])]
    assert [path.name for path in results] == [f"{name}_denoised.mrc" for name in NAMES]
    clean = [project / f"sim/clean/{name}.mrc" for name in NAMES]
    assert _agreement(results, clean) > _agreement(micrographs_of(star), clean) + 0.1


def test_the_evaluation_has_numbers_against_the_truth_and_a_report(project: Path) -> None:
    table = json_file.load(project / "numbers.json")
    (model,) = table.assessed()
    assert len(model.pairs) == 3
    assert model.mean.truth_db is not None
    assert model.mean.truth_db > 3
    assert "sim0000" in (project / "report.html").read_text()


def test_picks_of_the_results_are_those_of_the_micrographs_at_the_particles_that_were_simulated(
    project: Path,
) -> None:
    picks = {one.micrograph: one.centers for one in read_star(project / "picks/particles.star")}
    assert list(picks) == [f"sums/{name}.mrc" for name in NAMES]
    known = {name: read_star(project / f"sim/particles/{name}.star")[0].centers for name in NAMES}
    near = [_nearest(known[name], picks[f"sums/{name}.mrc"]) < REACH for name in NAMES]
    assert np.concatenate(near).mean() > 0.8


def test_picking_is_compared_on_raw_and_denoised_in_a_report(project: Path) -> None:
    page = (project / "picking.html").read_text()
    for method in ("raw", "Wiener", "first", "random places"):
        assert f"<td>{method}</td>" in page


def _nearest(known: Array, picks: Array) -> Array:
    """Return how far each pick is from the nearest known particle, in px."""
    apart = np.linalg.norm(picks[:, None] - known[None], axis=2)
    return np.asarray(apart.min(axis=1))


def _agreement(files: list[Path], truth: list[Path]) -> float:
    pairs = zip(files, truth, strict=True)
    return float(np.mean([pearson(_pixels(one), _pixels(clean)) for one, clean in pairs]))


def _pixels(path: Path) -> Pixels:
    return read_micrograph(path).data
