from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.dataset import survey
from cryoden.errors import CryodenError
from cryoden.io import mrc
from cryoden.settings.reading import ReadingSettings
from tests.cryoden.scenes import scene, write_halves

SUMS = "data_\nloop_\n_rlnMicrographName\n_rlnMicrographPixelSize\nsum.mrc 1.9\ngone.mrc 1.9\n"
HALVES = "data_\nloop_\n_rlnMicrographNameEven\n_rlnMicrographNameOdd\nm1_EVN.mrc m1_ODD.mrc\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_halves(tmp_path, scene(1))
    mrc.write(tmp_path / "sum.mrc", scene(1).even.data, pixel_size=None, label="made for a test")
    (tmp_path / "sums.star").write_text(SUMS)
    (tmp_path / "halves.star").write_text(HALVES)
    return tmp_path


def test_a_star_file_is_surveyed_as_what_it_lists(project: Path) -> None:
    found, gone = sorted(
        survey.files([project / "sums.star"], ReadingSettings()), key=lambda one: one.problem
    )
    assert (found.path.name, found.row()[4], found.remarks()) == ("sum.mrc", "1.9", ())
    assert (gone.path.name, gone.facts, gone.problem[:3]) == ("gone.mrc", None, "F49")


def test_pairs_of_one_star_file_are_judged_beside_another_that_has_none(project: Path) -> None:
    stars = [project / "sums.star", project / "halves.star"]
    (pair,) = survey.pairs(stars, ReadingSettings())
    assert (pair.name, pair.verdict.kind) == ("m1", "ready")
    assert list(survey.pairs(stars[:1], ReadingSettings())) == []


def test_info_of_a_star_file_names_micrographs_and_pairs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(project / "halves.star")]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("m1_EVN.mrc", "m1_ODD.mrc", "ready"))


def test_a_star_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CryodenError, match="F49"):
        list(survey.files([tmp_path / "no.star"], ReadingSettings()))


def test_of_very_many_pairs_some_are_looked_at_evenly_spread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(7):
        write_halves(tmp_path, scene(seed))
    monkeypatch.setattr(survey, "MOST", 3)
    kinds = [pair.verdict.kind for pair in survey.pairs([tmp_path], ReadingSettings())]
    assert kinds == ["ready", *["unchecked"] * 2, "ready", *["unchecked"] * 2, "ready"]
