from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryoden.cli.main import main
from cryoden.dataset import opening
from cryoden.errors import HalvesError, OutputError, SettingsError
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed, FileThinned
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.micrograph import HalfPair, Micrograph, Pixels
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.tools import ThinningSettings
from cryoden.simulation.exposure import exposed
from cryoden.simulation.scene import Scene
from cryoden.workflows import thinning
from cryoden.workflows.thinning import thinned
from tests.cryoden.hostile import DATA
from tests.cryoden.scenes import correlation, scene

EDGE = 512
RATE = 2 * exposed(Scene(edge=EDGE, particles=30, seed=3)).clean_with_ice


def counted(name: str = "m", rate: Pixels = RATE, seed: int = 0) -> Micrograph:
    return Micrograph(np.random.default_rng(seed).poisson(rate).astype(np.float32), 2.0, name)


def both(pair: HalfPair) -> tuple[Pixels, Pixels]:
    even, odd = (half.window(0, 0, *half.shape) for half in (pair.even, pair.odd))
    return even, odd


def gaussian() -> Micrograph:
    """As much variance as mean, as counts have, and no counts."""
    return replace(scene(shape=(512, 512)).even, name="gaussian")


def written(folder: Path, micrograph: Micrograph) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{micrograph.name}.mrc"
    mrc.write(path, micrograph.data, pixel_size=micrograph.pixel_size, label="counts made for a test")
    return path


def thin(*paths: Path, out: Path, seed: int = 0, overwrite: bool = False) -> list[BatchEvent]:
    return list(thinning.thin_files(paths, out, ThinningSettings(seed), overwrite=overwrite))


@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 60), st.integers(520, 700), st.integers(0, 2**31 - 1), st.sampled_from([1.0, 5.0]))
def test_every_count_is_in_one_of_two_halves(rate: float, width: int, seed: int, gain: float) -> None:
    pixels = gain * np.random.default_rng(seed).poisson(rate, (520, width)).astype(np.float32)
    pair = thinned(Micrograph(pixels, 1.1, "x"), seed)
    even, odd = both(pair)
    assert np.array_equal((even + odd) * gain, pixels)
    assert np.array_equal(even, np.rint(even))
    assert min(even.min(), odd.min()) >= 0
    assert (pair.even.name, pair.odd.name) == ("x_EVN", "x_ODD")
    assert pair.even.pixel_size == pair.odd.pixel_size == 1.1


def test_halves_share_the_scene_and_no_noise() -> None:
    even, odd = both(thinned(counted()))
    expected = RATE / np.float32(2)
    assert correlation(even, odd) > 0.1
    noise = even - expected, odd - expected
    error = 1 / EDGE
    assert abs(correlation(*noise)) < 4 * error
    for down, right in ((0, 1), (1, 0), (1, 1)):
        moved = np.roll(noise[1], (down, right), (0, 1))
        assert abs(correlation(noise[0], moved)) < 4 * error
    for half in noise:  # and each is Poisson again
        np.testing.assert_allclose((half**2 / expected).mean(), 1, atol=6 * error)


def test_the_counts_of_one_pixel_fall_to_both_sides_alike() -> None:
    flat = counted(rate=np.full((512, 512), 4.0, np.float32))
    even, _ = both(thinned(flat))
    ones = flat.data == 3
    shares = np.bincount(even[ones].astype(int), minlength=4) / ones.sum()
    np.testing.assert_allclose(shares, [1 / 8, 3 / 8, 3 / 8, 1 / 8], atol=0.008)


def test_a_seed_fixes_the_halves_of_a_name_and_no_other() -> None:
    first = both(thinned(counted(), 1))[0]
    assert np.array_equal(first, both(thinned(counted(), 1))[0])
    others = both(thinned(counted(), 2))[0], both(thinned(counted("n"), 1))[0]
    noise = [half - counted().data / np.float32(2) for half in (first, *others)]
    assert abs(correlation(noise[0], noise[1])) < 4 / 512
    assert abs(correlation(noise[0], noise[2])) < 4 / 512


def test_what_is_not_counts_is_refused_in_one_line_with_figure_and_limit() -> None:
    blurred = counted().data
    blurred = (blurred + np.roll(blurred, 1, 1)) / np.float32(2)
    with pytest.raises(HalvesError, match=r"D13  m — .*1 px right: r = 0\.4\d\d \(limit ±0\.08\)"):
        thinned(Micrograph(blurred, 1.0, "m"))
    with pytest.raises(HalvesError, match="D13"):
        thinned(gaussian())


def test_files_become_halves_that_train_finds_with_header_and_pixel_size(tmp_path: Path) -> None:
    path = written(tmp_path / "sums", counted())
    before = path.read_bytes()
    events = thin(tmp_path / "sums", out=tmp_path / "halves")
    done = [event for event in events if isinstance(event, FileThinned)]
    assert [event.even.name for event in done] == ["m_EVN.mrc"]
    assert done[0].evidence.gain == 1
    (pair,) = opening.open_halves([tmp_path / "halves"])
    even, odd = both(pair)
    assert np.array_equal(even + odd, counted().data)
    assert pair.even.pixel_size == pytest.approx(2)
    assert path.read_bytes() == before
    for half in (done[0].even, done[0].odd):
        assert mrcfile.validate(half)
        with mrcfile.open(half) as file:
            labels = [bytes(label) for label in file.header.label]
            assert labels[0].startswith(b"counts made for a test")
            assert b"half of the counts, gain 1, seed 0" in labels[1]


def test_halves_in_the_folder_of_their_sums_are_not_thinned_again(tmp_path: Path) -> None:
    written(tmp_path, counted())
    thin(tmp_path, out=tmp_path)
    events = thin(tmp_path, out=tmp_path, overwrite=True)
    assert isinstance(events[-1], BatchFinished)
    assert (events[-1].finished, len(list(tmp_path.iterdir()))) == (1, 3)
    assert thin(tmp_path / "m_EVN.mrc", out=tmp_path)  # unless asked for by its name
    assert (tmp_path / "m_EVN_ODD.mrc").exists()


def test_one_file_that_is_refused_costs_no_other_and_leaves_nothing(tmp_path: Path) -> None:
    written(tmp_path / "in", gaussian())
    written(tmp_path / "in", counted("z"))
    events = thin(tmp_path / "in", out=tmp_path / "out")
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert failed.message.startswith("D13  ")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["z_EVN.mrc", "z_ODD.mrc"]


def test_where_one_half_exists_neither_is_written(tmp_path: Path) -> None:
    path = written(tmp_path / "in", counted())
    for name in ("m_EVN.mrc", "m_ODD.mrc"):
        out = tmp_path / f"out{name}"
        out.mkdir()
        (out / name).write_bytes(b"precious")
        events = thin(path, out=out)
        assert any(isinstance(event, FileFailed) and "O05" in event.message for event in events)
        assert [(file.name, file.read_bytes()) for file in out.iterdir()] == [(name, b"precious")]


def test_halves_never_replace_a_micrograph_they_are_made_from(tmp_path: Path) -> None:
    path, other = written(tmp_path, counted()), written(tmp_path, counted("m_ODD"))
    before = other.read_bytes()
    with pytest.raises(OutputError, match="O04"):
        thin(path, other, out=tmp_path, overwrite=True)
    (tmp_path / "m_EVN.mrc").hardlink_to(path)
    assert "O04" in str(thin(path, out=tmp_path, overwrite=True))
    assert other.read_bytes() == path.read_bytes() == before


def test_nothing_to_thin_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="D01"):
        thin(tmp_path, out=tmp_path / "out")


def test_on_the_command_line_refusals_end_with_3_and_halves_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = written(tmp_path, counted()), written(tmp_path, gaussian())
    assert main(["thin", str(good), "--out", str(tmp_path / "a")]) == 0
    told = capsys.readouterr().out
    assert "m_EVN.mrc and m_ODD.mrc" in told
    assert "exact counts, gain 1, " in told
    assert main(["thin", str(good), str(bad), "--out", str(tmp_path / "b"), "--seed", "4", "--json"]) == 3
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["event"] for row in rows] == [
        "FileStarted", "FileThinned", "FileStarted", "FileFailed", "BatchFinished",
    ]  # fmt: skip
    assert rows[1]["evidence"]["exact"] is True


def test_training_without_halves_names_the_way_from_counts_to_halves(tmp_path: Path) -> None:
    with pytest.raises(HalvesError, match="cryoden thin"):
        opening.open_halves([written(tmp_path, counted())])


def test_a_k2_micrograph_is_thinned_and_a_falcon_one_refused(tmp_path: Path) -> None:
    k2, falcon = DATA / "k2_counting" / "k2_micrograph.mrc", DATA / "falcon_micrograph.mrc"
    if not k2.exists():
        pytest.skip("the shared real micrographs are not there")
    events = thin(k2, falcon, out=tmp_path)
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert "falcon_micrograph.mrc — pixels are not independent electron counts" in failed.message
    assert "r = 0.4" in failed.message
    (done,) = [event for event in events if isinstance(event, FileThinned)]
    assert not done.evidence.exact  # corrected for the gain of each pixel
    assert done.evidence.mean == pytest.approx(47.6 * 0.854**2, rel=0.02)  # the dose, in e⁻/px
    even, odd = (micrographs.read(path).data for path in (done.even, done.odd))
    assert (
        np.abs((even + odd) * done.evidence.gain - micrographs.read(k2).data).max()
        <= 0.5 * done.evidence.gain
    )
    assert 0.01 < correlation(even, odd) < 0.03
    with mrcfile.open(done.odd, permissive=False) as new, mrcfile.open(k2, header_only=True) as old:
        assert new.extended_header.tobytes() == old.extended_header.tobytes()
        assert new.voxel_size.x == old.voxel_size.x


def test_another_pixel_size_can_be_given(tmp_path: Path) -> None:
    path = written(tmp_path, counted())
    reading = ReadingSettings(pixel_size=0.7)
    list(thinning.thin_files([path], tmp_path / "o", ThinningSettings(), reading=reading))
    assert micrographs.read(tmp_path / "o" / "m_ODD.mrc").pixel_size == pytest.approx(0.7)


def test_a_half_whose_partner_a_killed_process_did_not_write_is_made_again(tmp_path: Path) -> None:
    path, out = written(tmp_path, counted()), tmp_path / "out"
    thin(path, out=out)
    whole = {half.name: half.read_bytes() for half in out.iterdir()}
    (out / "m_EVN.mrc").unlink()
    assert isinstance(thin(path, out=out)[1], FileThinned)
    assert {half.name: half.read_bytes() for half in out.iterdir()} == whole
    (out / "m_EVN.mrc").unlink()
    mrc.write(out / "m_ODD.mrc", scene().odd.data, pixel_size=2.0, label="another program's half")
    assert "O05" in str(thin(path, out=out)[1])
