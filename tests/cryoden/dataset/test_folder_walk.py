"""Which files below a folder are micrographs; names alone count, so files are empty."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cryoden.dataset.browse import listing
from cryoden.dataset.folder_walk import left_out_below, micrographs_below, natural
from cryoden.dataset.half_names import find_pairs
from cryoden.dataset.output_paths import results
from tests.cryoden.formats.files import tiff


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def below(folder: Path, without: Path | None = None) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in micrographs_below(folder, without)]


def test_files_come_before_folders_and_numbers_count_by_their_value(tmp_path: Path) -> None:
    make(tmp_path, "m10.mrc", "m9.mrc", "grid10/a.mrc", "grid9/b.MRC", "grid9/deep/c.mrcs", "notes.txt")
    expected = ["m9.mrc", "m10.mrc", "grid9/b.MRC", "grid9/deep/c.mrcs", "grid10/a.mrc"]
    assert below(tmp_path) == expected


def test_links_are_followed_and_each_folder_is_entered_once(tmp_path: Path) -> None:
    make(tmp_path, "data/a.mrc", "elsewhere/b.mrc", "project/own.mrc")
    (tmp_path / "project" / "Micrographs").symlink_to("../data")
    (tmp_path / "project" / "again").symlink_to(tmp_path / "data")
    (tmp_path / "project" / "file.mrc").symlink_to(tmp_path / "elsewhere" / "b.mrc")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "project")
    assert below(tmp_path / "project") == ["file.mrc", "own.mrc", "Micrographs/a.mrc"]


def test_what_is_hidden_is_passed_over(tmp_path: Path) -> None:
    make(tmp_path, ".Trash/a.mrc", "shown/.b.mrc", "shown/c.mrc")
    assert below(tmp_path) == ["shown/c.mrc"]


OTHERS = [
    *("a_PS.mrc", "a_ctf.mrc", "a_Ctf.mrc", "a_power.mrc", "diagnostic_output.mrc", "a_ctffind4_diag.mrc"),
    *("a_ctf_diag_2D.mrc", "gain.mrc", "x-gain-ref.mrc", "gain_x1.mrc", "CountRef_1.mrc", "SuperRef.mrc"),
    *("session_gain_20240131.mrc", "DarkRef.mrc", "a_mask.mrc", "defect_map.mrc", "a_background.mrc"),
    *("powerspectrum/a.mrc", "mask/a.mrc", "deconv/a.mrc", "thumbnails/deep/a.mrc"),
]
TAKEN = ["a.mrc", "a_DW.mrc", "a_noDW.mrc", "again_1.mrc", "b_gain_corrected.mrc", "maps.mrc", "ups.mrc"]


@pytest.mark.parametrize("other", OTHERS)
def test_files_of_other_purpose_are_left_out_counted_and_taken_by_name(tmp_path: Path, other: str) -> None:
    make(tmp_path, *TAKEN, other)
    assert below(tmp_path) == sorted(TAKEN, key=natural)
    assert "left out below folders: 1 × " in left_out_below([tmp_path])
    assert list(results([tmp_path / other], tmp_path / "out")) == [tmp_path / other]
    folder = (tmp_path / other).parent
    assert folder == tmp_path or below(folder) == ["a.mrc"]  # a folder of them can be named, too


def test_what_is_left_out_is_counted_in_one_line_by_its_reason(tmp_path: Path) -> None:
    make(tmp_path, "a.mrc", "a_PS.mrc", "b_PS.mrc", "gain.mrc", ".Trash/c.mrc", "a_denoised.mrc")
    expected = (
        "left out below folders: 1 × earlier result, 1 × gain or dark reference, 1 × hidden file or folder"
    )
    expected += ", 2 × power spectrum or CTF fit (named one by one they are taken)"
    assert left_out_below([tmp_path], results=False) == expected
    assert left_out_below([tmp_path / "a_PS.mrc"]) == ""


def test_earlier_results_are_looked_at_but_not_worked_on_again(tmp_path: Path) -> None:
    make(
        tmp_path,
        "a_EVN.mrc",
        "a_ODD.mrc",
        "a_EVN_denoised.mrc",
        "even/b.mrc",
        "odd/b.mrc",
        "even/b_denoised.mrc",
    )
    inputs = [tmp_path / name for name in ("a_EVN.mrc", "a_ODD.mrc", "even/b.mrc", "odd/b.mrc")]
    assert list(results([tmp_path], tmp_path)) == inputs
    assert [pair.name for pair in find_pairs([tmp_path])] == ["a", "b"]
    assert tmp_path / "a_EVN_denoised.mrc" in listing([tmp_path]).others


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe in a folder needs a POSIX system")
def test_a_link_to_nothing_is_counted_and_a_pipe_or_a_folder_is_no_micrograph(tmp_path: Path) -> None:
    make(tmp_path, "folder.mrc/a.mrc")
    (tmp_path / "gone.mrc").symlink_to(tmp_path / "never")
    os.mkfifo(tmp_path / "pipe.mrc")
    (tmp_path / "linked.mrc").symlink_to(tmp_path / "folder.mrc")
    assert below(tmp_path) == ["folder.mrc/a.mrc"]
    assert "1 × broken link" in left_out_below([tmp_path])


def test_earlier_results_are_left_out_by_whatever_name_their_folder_is_given(tmp_path: Path) -> None:
    make(tmp_path, "raw/a.mrc", "raw/out/a_denoised.mrc")
    (tmp_path / "link").symlink_to(tmp_path / "raw" / "out")
    assert below(tmp_path / "raw", tmp_path / "raw" / "out") == ["a.mrc"]
    assert below(tmp_path / "raw", tmp_path / "link") == ["a.mrc"]
    for around in (tmp_path / "raw", tmp_path):  # results that lie beside or above their micrographs
        assert below(tmp_path / "raw", around) == ["a.mrc", "out/a_denoised.mrc"]


def test_training_denoising_and_listing_find_the_same_files_behind_a_link(tmp_path: Path) -> None:
    make(tmp_path, "data/a_EVN.mrc", "data/a_ODD.mrc", "data/a_PS.mrc")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "Micrographs").symlink_to(tmp_path / "data")
    halves = [tmp_path / "project" / "Micrographs" / f"a_{half}.mrc" for half in ("EVN", "ODD")]
    (pair,) = find_pairs([tmp_path / "project"])
    assert [pair.even, pair.odd] == halves
    assert list(results([tmp_path / "project"], tmp_path / "out")) == halves
    found = listing([tmp_path / "project"])
    assert (found.pairs, found.others) == ([pair], [])


GRAY, COLOR = np.zeros((20, 20), "u2"), np.zeros((20, 20, 3), "u1")


def test_movies_in_tiff_files_and_color_images_are_left_out_and_counted(tmp_path: Path) -> None:
    tiff(tmp_path / "movie.tif", *np.zeros((3, 20, 20), "u1"))
    tiff(tmp_path / "atlas.tif", COLOR, photometric="rgb")
    tiff(tmp_path / "single.TIF", GRAY)
    make(tmp_path, "broken.tif", "gain.mrc", "a_denoised.mrc")
    assert below(tmp_path) == ["a_denoised.mrc", "broken.tif", "single.TIF"]
    said = left_out_below([tmp_path])
    assert "1 × TIFF file of several pages (movie)" in said
    assert "1 × color image" in said
    assert results([tmp_path / "movie.tif"], tmp_path / "out")


def test_tiff_files_are_micrographs_where_a_folder_has_none_in_mrc(tmp_path: Path) -> None:
    make(tmp_path, "a.mrc", "packed/b.mrc.gz", "deep/c.mrc/d.txt")
    for folder in (tmp_path, tmp_path / "packed", tmp_path / "deep"):
        tiff(folder / "labels.tif", GRAY)
        tiff(folder / "atlas.tif", COLOR, photometric="rgb")
    assert below(tmp_path) == ["a.mrc", "deep/labels.tif", "packed/b.mrc.gz"]
    assert "4 × TIFF file beside MRC micrographs, 1 × color image" in left_out_below([tmp_path])
    assert list(results([tmp_path / "labels.tif"], tmp_path / "out")) == [tmp_path / "labels.tif"]


def test_copies_of_mrc_files_that_are_there_are_left_out_and_counted(tmp_path: Path) -> None:
    make(tmp_path, "a.mrc", "a.tif", "a.mrc.gz", "b.mrc.bz2", "c.mrc.gz", "deep/a.tif")
    (tmp_path / "c.mrc").symlink_to(tmp_path / "never")
    assert below(tmp_path) == ["a.mrc", "b.mrc.bz2", "c.mrc.gz", "deep/a.tif"]
    said = left_out_below([tmp_path])
    assert "1 × broken link" in said
    assert "2 × copy of an MRC file in another format" in said


def test_a_tiff_file_is_opened_again_only_when_it_has_changed(tmp_path: Path) -> None:
    movie = tiff(tmp_path / "movie.tif", *np.zeros((3, 20, 20), "u1"))
    assert below(tmp_path) == []
    before = movie.stat()
    movie.write_bytes(b"x" * before.st_size)  # no movie any more
    os.utime(movie, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert below(tmp_path) == []
    os.utime(movie, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    assert below(tmp_path) == ["movie.tif"]
