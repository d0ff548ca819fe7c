from __future__ import annotations

import hashlib
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.dataset.half_names import find_pairs
from cryoden.errors import OutputError
from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    FileFailed,
    FileFinished,
    FileSkipped,
    TileFinished,
)
from cryoden.events.closing import closed
from cryoden.formats import micrographs
from cryoden.io.provenance import RELEASE
from cryoden.micrograph import Array, Pixels
from cryoden.movies.halves import HalvesRequest, make_halves
from cryoden.movies.shift_files import Course
from cryoden.settings.movies import MovieSettings
from cryoden.settings.reading import ReadingSettings
from tests.cryoden.movies.movies import (
    PIXEL,
    centered,
    correlation,
    counted,
    drift,
    moved_scenes,
    movie_frames,
    write_eer,
    write_mrc,
)

CPU = MovieSettings(device="cpu")
SMALL = 96


def made(paths: list[Path], output: Path, request: HalvesRequest | None = None) -> list[BatchEvent]:
    return list(make_halves(paths, output, request or HalvesRequest(CPU)))


def kinds(events: list[BatchEvent]) -> list[type]:
    return [type(event) for event in events if not isinstance(event, BatchFinished | TileFinished)][1::2]


def test_a_movie_is_reported_in_four_stages_between_which_it_can_be_stopped(tmp_path: Path) -> None:
    movie, out = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL)), tmp_path / "out"
    stages = [event for event in made([movie], out) if isinstance(event, TileFinished)]
    assert [(stage.done, stage.total) for stage in stages] == [(1, 4), (2, 4), (3, 4)]
    (out / "m_EVN.mrc").unlink()
    with closed(make_halves([movie], out, HalvesRequest(CPU, overwrite=True))) as events:
        next(event for event in events if isinstance(event, TileFinished))
    assert not (out / "m_EVN.mrc").exists()
    assert not list(out.glob(".*"))


def shifts_in(star: Path) -> Array:
    rows = [line.split() for line in star.read_text().splitlines() if line[:1] == " "]
    return np.array(rows, np.float64)[:, 2:0:-1]


def pixels(path: Path) -> Pixels:
    return micrographs.read(path).data


@pytest.fixture(scope="module", name="sums")
def _sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sums")
    frames, gain = movie_frames(), np.random.default_rng(5).uniform(0.7, 1.4, (256, 256))
    raw = (frames / np.rot90(gain, -1)).astype(np.float32)  # what a detector gives that is so uneven
    raw[:, :, 100] = 0  # a dead column
    raw[:, 30, 40] = 300  # a hot pixel
    write_mrc(folder / "m.mrcs", raw)
    write_mrc(folder / "g.mrc", gain)
    (folder / "defects.txt").write_text("100 0 1 256\n")
    arguments = ["halves", str(folder / "m.mrcs"), "--output", str(folder / "out"), "--device", "cpu"]
    arguments += ["--gain", str(folder / "g.mrc"), "--gain-turn", "relion:1,0", "--dose", "1.5"]
    assert main([*arguments, "--defects", str(folder / "defects.txt"), "--sums", "4"]) == 0
    return folder / "out"


def test_the_drift_of_a_movie_with_gain_and_defects_is_found_to_a_fifth_of_a_pixel(sums: Path) -> None:
    assert np.abs(centered(shifts_in(sums / "m_shifts.star")) - centered(drift())).max() <= 0.2


def test_gain_turned_as_relion_means_it_leaves_the_scene_and_nothing_of_the_detector(sums: Path) -> None:
    full, clean = pixels(sums / "m.mrc"), moved_scenes(drift())[0]
    inside = slice(20, -20)
    assert correlation(full[inside, inside], clean[inside, inside]) > 0.8
    assert full.max() < 1.5 * 4 * 12 * clean.max()  # the hot pixel is gone
    columns = full[inside, 85:105].mean(0) / (4 * 12 * clean[inside, 85:105].mean(0))
    assert np.abs(columns - columns.mean()).max() < 0.06  # and the dead column, which has moved


def test_sums_are_named_so_that_they_are_found_as_halves(sums: Path) -> None:
    (pair,) = find_pairs([sums])
    assert (pair.even.name, pair.odd.name) == ("m_EVN.mrc", "m_ODD.mrc")
    (listed,) = find_pairs([sums / "micrographs.star"])
    assert listed.even.samefile(pair.even)
    assert {path.name for path in sums.iterdir()} == {
        "m.mrc", "m_EVN.mrc", "m_ODD.mrc", "m_1of4.mrc", "m_2of4.mrc", "m_3of4.mrc", "m_4of4.mrc",
        "m_shifts.star", "m_shifts.svg", "micrographs.star",
    }  # fmt: skip


def test_halves_add_up_to_the_full_sum_and_have_its_pixel_size_and_a_label(sums: Path) -> None:
    even, odd, full = (micrographs.read(sums / f"m{ending}.mrc") for ending in ("_EVN", "_ODD", ""))
    assert np.array_equal(even.data + odd.data, full.data)
    assert [even.pixel_size, odd.pixel_size, full.pixel_size] == pytest.approx([PIXEL] * 3)
    with mrcfile.open(sums / "m_EVN.mrc", header_only=True) as file:
        assert file.get_labels()[-1].startswith(f"cryoden {RELEASE}: even sum of m [")
    assert mrcfile.validate(sums / "m_ODD.mrc")


def test_what_is_done_is_kept_and_what_is_made_otherwise_is_not_replaced(tmp_path: Path) -> None:
    movie, out = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL)), tmp_path / "out"
    assert kinds(made([movie], out)) == [FileFinished]
    before = {path: path.stat().st_mtime_ns for path in out.glob("m_*")}
    assert kinds(made([movie], out)) == [FileSkipped]
    other = HalvesRequest(MovieSettings(device="cpu", dose=2))
    failed = [event for event in made([movie], out, other) if isinstance(event, FileFailed)]
    assert [event.code for event in failed] == ["O05"]
    assert {path: path.stat().st_mtime_ns for path in out.glob("m_*")} == before
    again = HalvesRequest(MovieSettings(device="cpu", dose=2), overwrite=True)
    assert kinds(made([movie], out, again)) == [FileFinished]
    (out / "m_ODD.mrc").unlink()  # as where the last run was killed
    assert kinds(made([movie], out, again)) == [FileFinished]
    assert (out / "m_ODD.mrc").is_file()


def test_a_movie_that_fails_costs_only_itself_and_leaves_nothing(tmp_path: Path) -> None:
    good = write_mrc(tmp_path / "a.mrcs", movie_frames(4, SMALL))
    cut = write_mrc(tmp_path / "b.mrcs", movie_frames(4, SMALL))
    cut.write_bytes(cut.read_bytes()[:-9000])
    last = write_mrc(tmp_path / "c.mrcs", movie_frames(4, SMALL))
    events = made([good, cut, last], tmp_path / "out")
    assert kinds(events) == [FileFinished, FileFailed, FileFinished]
    assert [event.code for event in events if isinstance(event, FileFailed)] == ["F03"]
    assert not list((tmp_path / "out").glob("b*"))
    assert not list((tmp_path / "out").glob(".*"))
    assert len(find_pairs([tmp_path / "out" / "micrographs.star"])) == 2


def test_a_failure_while_results_are_written_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_: Course, __: Path) -> None:
        raise OSError(28, "No space left on device")

    movie = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL))
    monkeypatch.setattr(Course, "draw", full_disk)
    assert kinds(made([movie], tmp_path / "out")) == [FileFailed]
    assert not list((tmp_path / "out").iterdir())


def test_movies_and_gain_stay_as_they_are(tmp_path: Path) -> None:
    movie = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL))
    gain = write_mrc(tmp_path / "g.mrc", np.ones((SMALL, SMALL)) + np.eye(SMALL))
    before = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (movie, gain)]
    assert kinds(made([movie], tmp_path / "out", HalvesRequest(CPU, gain))) == [FileFinished]
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in (movie, gain)] == before


def test_a_shifts_file_of_another_program_is_not_replaced(tmp_path: Path) -> None:
    movie, out = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL)), tmp_path / "out"
    out.mkdir()
    (out / "m_shifts.star").write_text("data_mine\n")
    failed = [event for event in made([movie], out) if isinstance(event, FileFailed)]
    assert [event.code for event in failed] == ["O05"]
    assert [path.name for path in out.iterdir()] == ["m_shifts.star"]


def test_without_a_pixel_size_a_movie_is_refused_with_what_to_pass(tmp_path: Path) -> None:
    movie = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL), pixel_size=0)
    events = made([movie], tmp_path / "out")
    (message,) = (event.message for event in events if isinstance(event, FileFailed))
    assert message.endswith("Pass --pixel-size.")
    given = HalvesRequest(CPU, reading=ReadingSettings(pixel_size=1.1))
    made([movie], tmp_path / "out", given)
    assert micrographs.read(tmp_path / "out" / "m_EVN.mrc").pixel_size == pytest.approx(1.1)


def test_the_pixel_size_of_a_star_file_counts_where_the_header_has_a_placeholder(tmp_path: Path) -> None:
    write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL), pixel_size=1)
    star = tmp_path / "movies.star"
    star.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographOriginalPixelSize #2\n1 0.885\n\n"
        "data_movies\n\nloop_\n_rlnMicrographMovieName #1\n_rlnOpticsGroup #2\nm.mrcs 1\n"
    )
    assert kinds(made([star], tmp_path / "out")) == [FileFinished]
    assert micrographs.read(tmp_path / "out" / "m_EVN.mrc").pixel_size == pytest.approx(0.885)


def test_pixel_size_and_dose_beside_a_movie_are_used_and_named(tmp_path: Path) -> None:
    movie = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL), pixel_size=0)
    beside = tmp_path / "m.mrcs.mdoc"
    beside.write_text("[FrameSet = 0]\nPixelSpacing = 0.9\nExposureDose = 30\nNumSubFrames = 4\n")
    (done,) = (event for event in made([movie], tmp_path / "out") if isinstance(event, FileFinished))
    assert micrographs.read(tmp_path / "out" / "m_EVN.mrc").pixel_size == pytest.approx(0.9)
    said = [one.text for one in done.warnings if one.code == "F67"]
    assert said == [
        "pixel size 0.9 Å from m.mrcs.mdoc; the header has none",
        "not weighted by dose: m.mrcs.mdoc says 30 e⁻/Å² in all, --dose 7.5",
    ]
    given = HalvesRequest(CPU, reading=ReadingSettings(pixel_size=1.0))
    made([movie], tmp_path / "given", given)
    assert micrographs.read(tmp_path / "given" / "m_EVN.mrc").pixel_size == pytest.approx(1.0)


def test_a_dose_of_the_whole_movie_given_for_each_frame_is_noticed(tmp_path: Path) -> None:
    movie = write_mrc(tmp_path / "m.mrcs", movie_frames(12, SMALL))
    events = made([movie], tmp_path / "out", HalvesRequest(MovieSettings(device="cpu", dose=40)))
    (finished,) = (event for event in events if isinstance(event, FileFinished))
    assert any("--dose is that of one frame" in remark.text for remark in finished.warnings)


def test_single_electrons_are_grouped_and_aligned(tmp_path: Path) -> None:
    pytest.importorskip("tifffile", reason="the extra [movies] is not installed")
    pytest.importorskip("imagecodecs", reason="the extra [movies] is not installed")
    shifts = drift(8)
    scenes = np.repeat(moved_scenes(shifts, 128, contrast=0.6), 5, axis=0)
    movie = write_eer(tmp_path / "m.eer", np.minimum(counted(scenes, rate=0.3), 1))
    settings = MovieSettings(device="cpu", group=5, b_factor=1000)
    assert kinds(made([movie], tmp_path / "out", HalvesRequest(settings))) == [FileFinished]
    found = shifts_in(tmp_path / "out" / "m_shifts.star")
    assert len(found) == 8
    assert np.sqrt(((centered(found) - centered(shifts)) ** 2).mean()) < 0.5


def listed_at(folder: Path, voltage: int) -> Path:
    star = folder / "movies.star"
    star.write_text(
        f"data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnVoltage #2\n1 {voltage}\n\n"
        "data_movies\n\nloop_\n_rlnMicrographMovieName #1\n_rlnOpticsGroup #2\nm.mrcs 1\n"
    )
    return star


def test_the_dose_is_weighted_by_the_voltage_of_the_star_file(tmp_path: Path) -> None:
    movie = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL))
    given = HalvesRequest(MovieSettings(device="cpu", dose=5, voltage=200.0))
    made([movie], tmp_path / "given", given)
    star, usual = listed_at(tmp_path, 200), HalvesRequest(MovieSettings(device="cpu", dose=5))
    assert kinds(made([star], tmp_path / "listed", usual)) == [FileFinished]
    assert np.array_equal(pixels(tmp_path / "listed" / "m.mrc"), pixels(tmp_path / "given" / "m.mrc"))
    assert "_rlnVoltage" + " " * 31 + "200.000000" in (tmp_path / "listed" / "m_shifts.star").read_text()
    assert kinds(made([star], tmp_path / "given", usual)) == [FileSkipped]  # the same sums
    listed_at(tmp_path, 300)
    assert kinds(made([star], tmp_path / "given", given)) == [FileSkipped]  # --voltage wins
    assert kinds(made([star], tmp_path / "given", usual)) == [FileFailed]  # and others are not the same


def test_a_list_of_another_program_is_refused_before_any_work(tmp_path: Path) -> None:
    movie, out = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL)), tmp_path / "out"
    out.mkdir()
    (out / "micrographs.star").write_text("data_mine\n")
    with pytest.raises(OutputError, match=r"O05 .*micrographs\.star"):
        made([movie], out)
    assert [path.name for path in out.iterdir()] == ["micrographs.star"]
    assert kinds(made([movie], out, HalvesRequest(CPU, overwrite=True))) == [FileFinished]
    assert len(find_pairs([out / "micrographs.star"])) == 1


def test_shifts_that_are_in_the_way_are_noticed_before_the_movie_is_read_and_replaced_where_asked(
    tmp_path: Path,
) -> None:
    movie, out = write_mrc(tmp_path / "m.mrcs", movie_frames(4, SMALL)), tmp_path / "out"
    made([movie], out)
    for name in ("m.mrc", "m_EVN.mrc", "m_ODD.mrc", "m_shifts.star"):
        (out / name).unlink()
    whole = movie.read_bytes()
    movie.write_bytes(whole[:-9000])  # F03 where it is read
    failed = [event for event in made([movie], out) if isinstance(event, FileFailed)]
    assert [(event.code, "m_shifts.svg" in event.message) for event in failed] == [("O05", True)]
    movie.write_bytes(whole)
    assert kinds(made([movie], out, HalvesRequest(CPU, overwrite=True))) == [FileFinished]
    assert (out / "m_shifts.star").is_file()


def test_a_grid_bar_stays_and_many_hot_pixels_are_noticed(tmp_path: Path) -> None:
    frames = counted(moved_scenes(drift(), 128), rate=5)
    frames[:, :, :12] = 0
    made([write_mrc(tmp_path / "bar.mrcs", frames)], tmp_path / "out")
    assert np.abs(pixels(tmp_path / "out" / "bar.mrc")[20:-20, 2:6]).max() < 10  # of 60 electrons
    frames[:, ::20, 20::20] = 200
    (finished,) = (
        event
        for event in made([write_mrc(tmp_path / "hot.mrcs", frames)], tmp_path / "out")
        if isinstance(event, FileFinished)
    )
    assert [remark.text for remark in finished.warnings if "hot or dead" in remark.text]
