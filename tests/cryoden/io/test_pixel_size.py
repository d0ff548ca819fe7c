from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.formats.beside import with_listed
from cryoden.io.mrc_probe import probe
from cryoden.io.pixel_size import possible
from tests.cryoden.hostile import NX, NY, header, made, pixels


def file(folder: Path, cell: tuple[float, float], grid: tuple[int, int] = (NX, NY)) -> Path:
    words: dict[int, int | float] = {8: grid[0], 9: grid[1], 11: float(cell[0]), 12: float(cell[1])}
    return made(folder / "a.mrc", header(words=words), pixels())


@pytest.mark.parametrize(
    ("cell", "grid", "found"),
    [
        ((2e-10 * NX, 2e-10 * NY), (NX, NY), "2e-10 Å"),  # meters
        ((0.02 * NX, 0.02 * NY), (NX, NY), "0.02 Å"),
        ((96.0, 96.0), (1, 1), "96 Å"),  # a cell without a grid
        ((2e4 * NX, 2e4 * NY), (NX, NY), "20000 Å"),
    ],
)
def test_a_size_that_no_micrograph_has_is_missing_and_named(
    tmp_path: Path, cell: tuple[float, float], grid: tuple[int, int], found: str
) -> None:
    facts = probe(file(tmp_path, cell, grid))
    assert facts.pixel_size is None
    (warning,) = facts.warnings
    assert warning.code == "F28"
    assert f"{found} cannot be that of a micrograph (0.1 to 50 Å)" in warning.text


@pytest.mark.parametrize(
    ("size", "doubted"), [(0.1, True), (0.39, True), (0.4, False), (10.0, False), (10.1, True), (50.0, True)]
)
def test_an_unusual_size_is_used_and_doubted_in_one_line(tmp_path: Path, size: float, doubted: bool) -> None:
    facts = probe(file(tmp_path, (size * NX, size * NY)))
    assert facts.pixel_size == pytest.approx(size)
    assert [w for w in facts.warnings if "unusual" in w.text and w.code == "F28"] == list(facts.warnings)
    assert bool(facts.warnings) is doubted


def test_a_star_file_is_believed_more_than_a_doubtful_header_and_not_beyond_what_can_be(
    tmp_path: Path,
) -> None:
    facts = probe(file(tmp_path, (0.2 * NX, 0.2 * NY)))
    assert with_listed(facts, 2.0).pixel_size == 2.0
    kept = with_listed(facts, 2e-10)
    assert kept.pixel_size == pytest.approx(0.2)
    assert "2e-10 Å in the list of micrographs cannot be" in kept.warnings[-1].text


def test_what_can_be_a_pixel_size_is_returned() -> None:
    assert [possible(size) for size in (None, 0.0, 1e-30, 1.5, 51.0)] == [None, None, None, 1.5, None]
    assert possible(float("nan")) is None
