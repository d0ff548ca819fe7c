from __future__ import annotations

import cProfile
import gzip
import pstats
from pathlib import Path

import numpy as np
import pytest

from cryoden.dataset.half_names import HalfFiles
from cryoden.errors import HalvesError
from cryoden.picking.known_particles import annotated
from cryoden.picking.picks import PicksError
from tests.cryoden.picking.planted import PLACES, discs, written


def coordinates(path: Path, places: np.ndarray = PLACES) -> Path:
    rows = "".join(f"{x} {y}\n" for y, x in places)
    path.write_text("data_\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n" + rows)
    return path


def test_halves_are_looked_at_as_their_mean_and_the_sum_not_once_more(tmp_path: Path) -> None:
    for name, seed in (("m_EVN", 1), ("m_ODD", 2), ("m", 3)):
        written(tmp_path / f"{name}.mrc", discs(noise=1.0, seed=seed))
    picks = coordinates(tmp_path / "m.star")
    (files,), said = annotated([tmp_path], [picks], {}, None)
    assert said == ()
    assert isinstance(files.files, HalfFiles)
    one = files.read()
    assert one.halves is not None
    np.testing.assert_allclose(one.micrograph.data, (one.halves[0] + one.halves[1]) / 2, atol=1e-6)
    np.testing.assert_allclose(one.known.centers, PLACES)


def test_micrographs_without_picks_are_left_out_and_counted(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        written(tmp_path / f"{name}.mrc", discs())
    files, (said,) = annotated([tmp_path], [coordinates(tmp_path / "b_autopick.star")], {}, None)
    assert [one.name for one in files] == ["b"]
    assert said.code == "K09"
    assert "2 of 3" in said.text


def test_picks_of_no_micrograph_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "a.mrc", discs())
    with pytest.raises(PicksError, match=r"K03 .*of b "):
        annotated([tmp_path], [coordinates(tmp_path / "b.star")], {}, None)


def test_what_others_made_is_read_by_name_and_has_the_size_of_the_micrograph(tmp_path: Path) -> None:
    written(tmp_path / "a.mrc", discs())
    (tmp_path / "topaz").mkdir()
    written(tmp_path / "topaz" / "a.mrc", discs(noise=0.1), 1.0)
    picks = coordinates(tmp_path / "a.star")
    (files,), _ = annotated([tmp_path / "a.mrc"], [picks], {"topaz": [tmp_path / "topaz"]}, None)
    other = files.read().others["topaz"]
    assert other.pixel_size == 2.0
    assert other.data.std() < discs().std()
    written(tmp_path / "topaz" / "a.mrc", discs()[:200], 1.0)
    with pytest.raises(PicksError, match="D05"):
        files.read()
    with pytest.raises(HalvesError, match="D01"):
        annotated([tmp_path / "a.mrc"], [picks], {"topaz": [tmp_path / "none"]}, None)


def test_what_others_made_of_compressed_micrographs_has_their_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        path = written(tmp_path / f"{name}.mrc", discs())
        path.with_name(f"{name}.mrc.gz").write_bytes(gzip.compress(path.read_bytes()))
        (tmp_path / "topaz").mkdir(exist_ok=True)
        path.rename(tmp_path / "topaz" / f"{name}_topaz.mrc")
    micrographs = [tmp_path / "a.mrc.gz", tmp_path / "b.mrc.gz"]
    picks = [coordinates(tmp_path / f"{name}.star") for name in ("a", "b")]
    files, _ = annotated(micrographs, picks, {"topaz": [tmp_path / "topaz"]}, None)
    assert [one.name for one in files] == ["a", "b"]
    np.testing.assert_array_equal(files[1].read().others["topaz"].data, discs())


def test_the_effort_of_finding_picks_grows_as_the_number_of_micrographs(tmp_path: Path) -> None:
    def calls(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        for at in range(count):
            (folder / f"m_{at}.mrc").touch()
        rows = "".join(f"m_{at}.mrc {at} {at}\n" for at in range(count))
        head = "data_\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n"
        (folder / "p.star").write_text(head + rows)
        with cProfile.Profile() as profile:
            files, _ = annotated([folder], [folder / "p.star"], {}, None)
        assert [one.known.centers[0, 0] for one in files] == list(range(count))
        return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]  # not in its stubs

    calls(2)  # what is imported at the first call
    assert calls(160) < 6 * calls(40)
