from __future__ import annotations

import numpy as np
import pytest

from cryoden.picking.micrograph_names import PicksByName, joined, movie_name
from cryoden.picking.picks import Picks, PicksError


def picks(name: str) -> Picks:
    return Picks(name, np.array([[1.0, 2.0]]), np.array([0.5]), np.array([0]))


def names(known: list[str], micrograph: str) -> list[str]:
    return [one.micrograph for one in PicksByName([picks(name) for name in known]).of(micrograph)]


@pytest.mark.parametrize(
    ("name", "micrograph"),
    [
        ("MotionCorr/job002/Movies/m_7.mrc", "/data/project/MotionCorr/job002/Movies/m_7.mrc"),
        ("MotionCorr/job002/Movies/m_7.mrc", "/elsewhere/m_7.mrc"),
        ("m_7", "/elsewhere/m_7.mrc"),
        ("m_7", "/elsewhere/m_7_EVN.mrc"),
        ("m_7", "m_7_EVN"),
        ("m_7.mrc", "results/m_7_denoised.mrc"),
        ("denoised/day1/m_7_denoised.mrc", "day1/m_7.mrc.gz"),
        ("day1/m_7.mrc.gz", "denoised/day1/m_7_denoised.mrc"),
        ("day1/m_7.tif", "denoised/day1/m_7_denoised.tif"),
        ("m_7_EVN.mrc", "m_7_ODD.mrc"),
        ("J14/motioncorrected/008578565574161745010_m_7_patch_aligned_doseweighted.mrc", "raw/m_7.mrc"),
        ("J1/imported/000090334788266266069_m_7.mrc", "m_7.mrc"),
        ("m_7.tif", "m_7.mrc"),
        ("FoilHole_1_Data_2_EER.mrc", "FoilHole_1_Data_2.mrc"),
        ("C:\\data\\m_7.mrc", "/data/m_7.mrc"),
    ],
)
def test_names_of_one_micrograph_belong_together(name: str, micrograph: str) -> None:
    assert names([name, "other.mrc"], micrograph) == [name]


@pytest.mark.parametrize(
    ("name", "micrograph"), [("m_7.mrc", "m_77.mrc"), ("m_7", "a_m_7"), ("12_m.mrc", "13_m.mrc")]
)
def test_names_of_others_do_not(name: str, micrograph: str) -> None:
    assert names([name], micrograph) == []


def test_folders_distinguish_micrographs_of_one_name() -> None:
    known = ["MotionCorr/day1/m.mrc", "MotionCorr/day2/m.mrc"]
    assert names(known, "/project/MotionCorr/day2/m.mrc") == [known[1]]
    assert names(known, "/copies/day1/m.mrc") == [known[0]]


def test_a_micrograph_of_which_two_names_could_be_is_refused() -> None:
    with pytest.raises(PicksError, match=r"K03 .*day1/m\.mrc and of .*day2/m\.mrc"):
        names(["day1/m.mrc", "day2/m.mrc"], "/other/m.mrc")


def test_the_name_with_more_in_common_wins() -> None:
    assert names(["m_EVN.mrc", "m.mrc"], "x/m_EVN.mrc") == ["m_EVN.mrc"]
    assert names(["m_EVN", "m"], "x/m.mrc.gz") == ["m"]
    assert names(["y/x/day/m.mrc", "day/m.mrc"], "x/day/m.mrc") == ["day/m.mrc"]


def test_the_name_of_a_movie_is_what_is_left_without_tags() -> None:
    assert movie_name("J1/imported/000090334788266266069_a.b_EVN_denoised.mrc") == "a.b"
    assert movie_name("even") == "even"


def test_picks_of_one_micrograph_in_several_files_are_one() -> None:
    both = joined([picks("m"), picks("m")])
    assert (len(both), both.rows.tolist(), both.source) == (2, [-1, -1], None)
    assert joined([picks("m")]).rows.tolist() == [0]
