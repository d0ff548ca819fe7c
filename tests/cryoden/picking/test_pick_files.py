from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import HalvesError, OutputError
from cryoden.events.batch import BatchFinished, FileFailed, FileFinished
from cryoden.formats import writing
from cryoden.picking.known_particles import annotated
from cryoden.picking.pick_files import PickingRequest, pick_files
from cryoden.picking.star_picks import read_star
from cryoden.settings.picking import PickingSettings
from tests.cryoden.picking.planted import DIAMETER, PIXEL, PLACES, discs, distances, written

SETTINGS = PickingSettings(diameter=DIAMETER)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mics/day1").mkdir(parents=True)
    written(Path("mics/day1/a.mrc"), discs(noise=1.0))
    written(Path("mics/b.mrc"), discs(PLACES[:3], 1.0, seed=1))
    return tmp_path


def events(*paths: str, **request: object) -> list[object]:
    asked = PickingRequest(SETTINGS, **request)  # type: ignore[arg-type]  # its own fields
    return list(pick_files([Path(path) for path in paths], Path("out"), asked))


def test_each_micrograph_has_its_file_in_the_same_tree_and_lists_name_them_all(folder: Path) -> None:
    done = [event for event in events("mics") if isinstance(event, FileFinished)]
    assert [event.output for event in done] == [Path("out/b_autopick.star"), Path("out/day1/a_autopick.star")]
    assert [event.warnings[0].code for event in done] == ["K08", "K08"]
    (picks,) = read_star(Path("out/day1/a_autopick.star"))
    assert distances(picks.centers, PLACES).max() < 3
    by_list = {one.micrograph: len(one) for one in read_star(Path("out/autopick.star"))}
    assert by_list == {"mics/day1/a.mrc": len(picks), "mics/b.mrc": 3}
    particles = read_star(Path("out/particles.star"))
    assert {one.micrograph: len(one) for one in particles} == by_list
    assert {one.pixel_size for one in particles} == {2.0}
    assert not list(folder.rglob("*.part"))


@pytest.mark.usefixtures("folder")
def test_results_of_denoising_are_picked_in_place_of_the_micrographs() -> None:
    written(Path("a_denoised.mrc"), discs(PLACES[:2], 0.1))
    written(Path("b_denoised.mrc"), discs(PLACES[2:4], 0.1))
    events("mics", denoised=[Path("a_denoised.mrc"), Path("b_denoised.mrc")])
    found = {one.micrograph: one.centers for one in read_star(Path("out/particles.star"))}
    assert distances(found["mics/day1/a.mrc"], PLACES[:2]).max() < 3
    assert distances(found["mics/b.mrc"], PLACES[2:4]).max() < 3


def test_compressed_micrographs_have_results_of_their_names(folder: Path) -> None:
    for path in list(folder.rglob("*.mrc")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    written(Path("a_denoised.mrc"), discs(PLACES[:2], 0.1))
    written(Path("b_denoised.mrc"), discs(PLACES[2:4], 0.1))
    events("mics", denoised=[Path("a_denoised.mrc"), Path("b_denoised.mrc")])
    found = {one.micrograph: one.centers for one in read_star(Path("out/particles.star"))}
    assert distances(found["mics/day1/a.mrc.gz"], PLACES[:2]).max() < 3
    assert distances(found["mics/b.mrc.gz"], PLACES[2:4]).max() < 3


@pytest.mark.usefixtures("folder")
def test_binned_results_are_picked_and_the_coordinates_are_those_of_the_micrographs() -> None:
    Path("mics/b.mrc").unlink()
    written(Path("a_denoised.mrc"), discs(PLACES, 0.1)[::3, ::3], 3 * PIXEL)
    events("mics", denoised=[Path("a_denoised.mrc")])
    (found,) = read_star(Path("out/particles.star"))
    assert distances(found.centers, PLACES).max() < 3
    assert found.pixel_size == PIXEL


@pytest.mark.parametrize("ending", [".mrc.gz", ".tif"])
def test_compressed_and_tiff_micrographs_have_picks_that_are_found_again(folder: Path, ending: str) -> None:
    pixels = discs(noise=1.0)
    if ending == ".tif":
        writing.write(folder / "t.tif", pixels, pixel_size=PIXEL, label="t", file_format="tiff")
    else:
        packed = gzip.compress(written(folder / "t.mrc", pixels).read_bytes())
        (folder / "t.mrc").unlink()
        (folder / "t.mrc.gz").write_bytes(packed)
    written(folder / "t_denoised.mrc", discs(PLACES[:3], 0.1))
    events(f"t{ending}", denoised=[Path("t_denoised.mrc")])
    for file in ("t_autopick.star", "particles.star"):
        ((known,), said) = annotated([Path(f"t{ending}")], [Path("out") / file], {}, None)
        assert said == ()
        assert known.name == "t"
        assert distances(known.read().known.centers, PLACES[:3]).max() < 3


@pytest.mark.usefixtures("folder")
def test_rows_can_be_counted_from_the_other_edge_in_what_is_written_and_read() -> None:
    events("mics/b.mrc", flip_y=True)
    (written_,) = read_star(Path("out/particles.star"))
    flipped = np.column_stack([399 - PLACES[:3, 0], PLACES[:3, 1]])
    assert distances(written_.centers, flipped).max() < 3
    ((known,), _) = annotated([Path("mics/b.mrc")], [Path("out/particles.star")], {}, None, flip_y=True)
    assert distances(known.read().known.centers, PLACES[:3]).max() < 3


@pytest.mark.usefixtures("folder")
def test_a_missing_or_cropped_result_is_named() -> None:
    written(Path("a_denoised.mrc"), discs(PLACES[:2], 0.1))
    with pytest.raises(HalvesError, match="D02"):
        events("mics", denoised=[Path("a_denoised.mrc")])
    written(Path("b_denoised.mrc"), discs(PLACES[:2], 0.1)[:300])
    failed = [
        event
        for event in events("mics", denoised=[Path("a_denoised.mrc"), Path("b_denoised.mrc")])
        if isinstance(event, FileFailed)
    ]
    assert [(event.path.name, event.code) for event in failed] == [("b.mrc", "D05")]


@pytest.mark.usefixtures("folder")
def test_a_bad_micrograph_costs_no_other_and_is_in_no_list() -> None:
    Path("mics/c.mrc").write_bytes(b"junk")
    *_, ended = events("mics")
    assert isinstance(ended, BatchFinished)
    assert [path.name for path in ended.failed] == ["c.mrc"]
    assert len(read_star(Path("out/autopick.star"))) == 2
    assert not Path("out/c_autopick.star").exists()


@pytest.mark.usefixtures("folder")
def test_what_is_there_is_kept_unless_it_may_be_replaced() -> None:
    events("mics")
    before = Path("out/particles.star").read_text()
    with pytest.raises(OutputError, match="O05"):
        events("mics")
    written(Path("mics/b.mrc"), discs(PLACES[:1], 1.0))
    assert Path("out/particles.star").read_text() == before
    events("mics", overwrite=True)
    assert Path("out/particles.star").read_text() != before


@pytest.mark.usefixtures("folder")
def test_a_model_denoises_before() -> None:
    from cryoden.model.general import GENERAL  # noqa: PLC0415

    events("mics/b.mrc", model=GENERAL)
    (found,) = read_star(Path("out/particles.star"))
    assert distances(found.centers, PLACES[:3]).max() < DIAMETER / 2 / 4
    assert np.isfinite(found.merits).all()
