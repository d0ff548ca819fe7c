from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.formats import micrographs
from cryoden.image.block_mean import block_mean
from napari_cryoden.contributions.reader import get_reader, read, read_folder
from napari_cryoden.layers.contrast import robust
from napari_cryoden.layers.layer_data import to_micrograph
from napari_cryoden.notify import viewer_words
from tests.cryoden.faults.zoo import REFUSED, Fault
from tests.cryoden.formats.files import packed, tiff

DATA = Path(__file__).parents[4] / "shared" / "data"


def test_a_micrograph_opens_whatever_the_case_of_its_suffix(
    viewer: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for name in ("a.mrc", "b.MRC", "c.mrcs", "d.Map", "e.st", "f.rec", "g.h.mrc"):
        path = write_mrc("plain.mrc", noise).rename(tmp_path / name)
        (layer,) = viewer.open(path, plugin=None)
        np.testing.assert_array_equal(layer.data, noise)
        assert layer.name == Path(name).stem


def test_the_layer_carries_pixel_size_contrast_and_source(viewer: Any, write_mrc: Any, noise: Any) -> None:
    path = write_mrc("grid_01.mrc", noise, pixel_size=0.75)
    (layer,) = viewer.open(path, plugin="napari-cryoden")
    assert layer.data.dtype == np.float32
    assert tuple(layer.scale) == (0.75, 0.75)
    assert [str(unit) for unit in layer.units] == ["angstrom", "angstrom"]
    np.testing.assert_allclose(layer.contrast_limits, robust(noise))
    assert layer.metadata["cryoden"] == {
        "role": "raw", "source": str(path), "pixel_size": 0.75, "warnings": (),
    }  # fmt: skip


def test_a_file_without_pixel_size_stays_in_pixels(viewer: Any, write_mrc: Any, noise: Any) -> None:
    (layer,) = viewer.open(write_mrc("unknown.mrc", noise, pixel_size=None), plugin="napari-cryoden")
    assert [str(unit) for unit in layer.units] == ["pixel", "pixel"]
    assert tuple(layer.scale) == (1, 1)


def test_several_files_open_as_layers_of_their_own(viewer: Any, write_mrc: Any, noise: Any) -> None:
    paths = [write_mrc(f"m{number}.mrc", noise + number) for number in range(3)]
    assert [layer.name for layer in viewer.open(paths, plugin="napari-cryoden")] == ["m0", "m1", "m2"]


def test_a_stack_is_told_in_one_line_and_the_other_files_open(
    viewer: Any, write_mrc: Any, noise: Any, notices: Any
) -> None:
    movie = write_mrc("movie.mrcs", np.stack([noise] * 4))
    good = write_mrc("good.mrc", noise)
    opened = viewer.open([movie, good], plugin="napari-cryoden")
    assert [layer.name for layer in opened] == ["good"]
    (message,) = notices
    assert message.startswith(f"F32  {movie} — ")
    assert "\n" not in message
    assert "a stack" in message


def test_a_truncated_file_is_told_with_its_byte_counts(
    viewer: Any, write_mrc: Any, noise: Any, notices: Any
) -> None:
    path = write_mrc("cut.mrc", noise)
    path.write_bytes(path.read_bytes()[:-1])
    assert viewer.open(path, plugin="napari-cryoden") == []
    (message,) = notices
    assert message.startswith("F03")
    assert f"{1024 + noise.nbytes:,}" in message


def test_what_is_odd_about_a_file_is_told_once_and_noted(
    viewer: Any, write_mrc: Any, noise: Any, remarks: Any
) -> None:
    longer, other = (write_mrc(name, noise, pixel_size=None) for name in ("longer.mrc", "other.mrc"))
    with longer.open("ab") as file:
        file.write(bytes(5))
    opened = viewer.open([longer, other], plugin="napari-cryoden")
    told = [line.split(" — ") for line in remarks]
    assert [file for file, _ in told] == [str(longer), str(longer), str(other)]
    assert [warning[:3] for _, warning in told] == ["F04", "F28", "F28"]
    noted = [warning for layer in opened for warning in layer.metadata["cryoden"]["warnings"]]
    assert [viewer_words(str(warning)) for warning in noted] == [warning for _, warning in told]


def test_a_folder_without_micrographs_is_left_to_others(tmp_path: Any) -> None:
    (tmp_path / "note.txt").touch()
    (tmp_path / ".hidden.mrc").touch()
    assert get_reader(str(tmp_path)) is None


def test_micrographs_far_below_a_folder_are_not_searched_for(tmp_path: Any) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "far.mrc").touch()
    assert get_reader(str(tmp_path)) is None
    assert get_reader(str(tmp_path / "a")) is read_folder
    assert get_reader([str(tmp_path / "a"), str(tmp_path / "a" / "b")]) is None


def test_a_folder_of_few_micrographs_opens_like_its_files(
    viewer: Any, write_mrc: Any, noise: Any, tmp_path: Any, notices: Any
) -> None:
    for name in ("m10.mrc", "m9.MRC"):
        write_mrc(name, noise)
    (tmp_path / "cut.mrc").write_bytes(b"cut")
    assert [layer.name for layer in viewer.open(tmp_path, plugin="napari-cryoden")] == ["m9", "m10"]
    assert len(notices) == 1
    assert not viewer.window.dock_widgets


def many(folder: Path, file: Path) -> None:
    folder.mkdir()
    for number in range(9):
        (folder / f"m{number}.mrc").symlink_to(file)


def listed(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-cryoden", "Open micrographs")[1].list


def test_a_folder_of_many_is_listed_to_choose_from(
    qtbot: Any, viewer: Any, write_mrc: Any, noise: Any, tmp_path: Any
) -> None:
    many(tmp_path / "many", write_mrc("a.mrc", noise))
    assert viewer.open(tmp_path / "many", plugin="napari-cryoden") == []
    assert len(viewer.layers) == 0
    qtbot.waitUntil(lambda: listed(viewer).count() == 9)


def test_two_folders_dropped_together_are_listed_together(
    qtbot: Any, viewer: Any, write_mrc: Any, noise: Any, tmp_path: Any
) -> None:
    file = write_mrc("a.mrc", noise)
    for half in ("even", "odd"):
        many(tmp_path / half, file)
    viewer.open([tmp_path / "even", tmp_path / "odd"], plugin="napari-cryoden")
    qtbot.waitUntil(lambda: listed(viewer).pairs == 9)
    assert listed(viewer).count() == 9


def test_without_a_window_a_folder_is_read_whole(write_mrc: Any, noise: Any, tmp_path: Any) -> None:
    many(tmp_path / "many", write_mrc("a.mrc", noise))
    assert len(read_folder(tmp_path / "many")) == 9


def test_other_suffixes_are_left_to_others() -> None:
    assert get_reader("photo.png") is None
    assert get_reader("photo.tif.gz") is None
    assert get_reader(["half.mrc", "photo.png"]) is None


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real micrographs in ../shared/data")
def test_a_real_micrograph_shows_its_noise_with_contrast(viewer: Any) -> None:
    (layer,) = viewer.open(DATA / "falcon_micrograph.mrc", plugin="napari-cryoden")
    low, high = layer.contrast_limits
    assert layer.data.shape == (4096, 4096)
    drawn = block_mean(np.asarray(layer.data), 4)
    assert 0.97 < np.mean((drawn >= low) & (drawn <= high)) < 0.9999
    assert layer.scale[0] == pytest.approx(0.667, abs=0.001)


def test_tiff_files_of_other_images_are_left_to_other_readers(tmp_path: Path) -> None:
    color = tiff(tmp_path / "atlas.tif", np.zeros((20, 20, 3), "u1"), photometric="rgb")
    phases = tiff(tmp_path / "phases.tif", np.ones((20, 20), "c8"))
    labels = tiff(tmp_path / "labels.tif", np.zeros((20, 20), "u2"))
    (tmp_path / "cut.tif").write_bytes(labels.read_bytes()[:100])
    assert get_reader(color) is None
    assert get_reader(phases) is None
    assert get_reader([labels, color]) is None
    assert get_reader(labels) is not None
    assert get_reader(tmp_path / "cut.tif") is not None  # which says what is wrong with it


@pytest.mark.parametrize("name", ["m.tif", "m.TIFF", "m.mrc.gz", "m.mrc.bz2"])
def test_tiff_and_compressed_files_open_as_the_same_layer_as_an_mrc_file(
    viewer: Any, write_mrc: Any, noise: Any, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    if name.startswith("m.mrc."):
        write_mrc("m.mrc", noise, pixel_size=1.5)
        packed(path)
    else:
        tiff(path, noise[::-1], resolution=(10 / 1.5, 10 / 1.5), description="ImageJ=1.54f\nunit=nm\n")
    (layer,) = viewer.open(path, plugin="napari-cryoden")
    np.testing.assert_array_equal(layer.data, noise)
    assert layer.name == "m"
    np.testing.assert_allclose(layer.scale, (1.5, 1.5))
    assert layer.metadata["cryoden"]["source"] == str(path)


def test_a_stack_opens_plane_by_plane(viewer: Any, write_mrc: Any, noise: Any) -> None:
    images = np.stack([np.tile(noise, (4, 4)) + number for number in range(3)])
    (layer,) = viewer.open(write_mrc("ts.mrcs", images, pixel_size=2.0), plugin="napari-cryoden")
    assert layer.data.shape == (3, 384, 512)
    viewer.dims.set_point(0, 2)
    np.testing.assert_array_equal(to_micrograph(layer).data, images[2])
    assert to_micrograph(layer).pixel_size == 2.0


@pytest.mark.usefixtures("viewer")
@pytest.mark.parametrize("fault", REFUSED[::4], ids=str)
def test_every_fault_is_said_as_the_library_says_it(fault: Fault, notices: Any, tmp_path: Path) -> None:
    path = tmp_path / fault.name
    fault.make(path)
    with pytest.raises(MicrographError) as caught:
        micrographs.read(path)
    assert read(path) == [(None,)]
    assert notices == [viewer_words(str(caught.value))]
