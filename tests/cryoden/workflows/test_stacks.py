from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter as gaussian

from cryoden.dataset.opening import facts, read_micrograph
from cryoden.dataset.survey import files
from cryoden.denoising.binned import binned
from cryoden.errors import SettingsError
from cryoden.events.batch import FileFailed, FileFinished, FileSkipped, TileFinished
from cryoden.formats import mdoc, micrographs
from cryoden.formats.result_stamp import is_confidence
from cryoden.io import mrc
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import Model, load, write
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.stacks import planes_of
from tests.cryoden.formats.files import tiff, tifffile
from tests.cryoden.scenes import scene

EACH = BatchRequest(settings=DenoisingSettings(device="cpu", stack=True))


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    with mrcfile.new(tmp_path / "three.mrcs") as file:
        file.set_data(np.stack([scene(seed, (280, 300)).even.data * seed for seed in (1, 2, 3)]))
        file.set_image_stack()
        file.voxel_size = 2.5
        file.add_label("written by another program")
    return tmp_path / "three.mrcs"


def test_each_image_is_denoised_as_if_it_were_alone_and_header_and_order_stay(stack: Path) -> None:
    events = list(denoise_files([stack], stack.parent / "out", EACH))
    tiles = [tile for tile in events if isinstance(tile, TileFinished)]
    assert [tile.done for tile in tiles] == list(range(1, tiles[-1].total + 1))
    assert tiles[-1].total % 3 == 0
    result = stack.parent / "out" / "three_denoised.mrcs"
    assert mrcfile.validate(result)
    with mrcfile.open(result) as file:
        assert file.is_image_stack()
        assert float(file.voxel_size.x) == 2.5
        assert "written by another program" in " ".join(file.get_labels())
        found = np.array(file.data)
    for number in range(3):
        alone = stack.parent / f"{number}.mrc"
        mrc.write(alone, read_micrograph(stack, section=number).data, pixel_size=2.5, label="one of three")
        list(denoise_files([alone], stack.parent / "out", EACH))
        np.testing.assert_array_equal(
            micrographs.read(stack.parent / "out" / f"{number}_denoised.mrc").data, found[number]
        )


def test_a_stack_that_is_done_is_skipped_and_without_the_setting_refused(stack: Path) -> None:
    list(denoise_files([stack], stack.parent / "out", EACH))
    again = list(denoise_files([stack], stack.parent / "out", EACH))
    assert [event for event in again if isinstance(event, FileSkipped)]
    plain = BatchRequest(settings=DenoisingSettings(device="cpu"))
    refused = list(denoise_files([stack], stack.parent / "other", plain))
    assert not [event for event in refused if isinstance(event, FileFinished)]
    assert [event.message[:3] for event in refused if isinstance(event, FileFailed)] == ["F32"]


def test_a_list_of_files_says_what_a_stack_is(stack: Path) -> None:
    (found,) = files([stack], ReadingSettings())
    assert found.row()[1] == "stack"
    assert "3 images of 300 × 280: a stack" in " ".join(found.remarks())


def test_a_stack_has_its_confidence_in_a_stack_beside_it(tmp_path: Path) -> None:
    known, other = (scene(seed, (280, 300)).even.data for seed in (1, 2))
    unknown = other - gaussian(other, 2)  # less power in coarse structures than the noise has in fine ones
    with mrcfile.new(tmp_path / "two.mrcs") as file:
        file.set_data(np.stack([unknown, known]))
        file.set_image_stack()
        file.voxel_size = 2.5
    sure = BatchRequest(settings=DenoisingSettings(device="cpu", stack=True, confidence=True))
    events = list(denoise_files([tmp_path / "two.mrcs"], tmp_path / "out", sure))
    (done,) = [event for event in events if isinstance(event, FileFinished)]
    assert [one.text[:22] for one in done.warnings if one.code == "T12"] == ["image 1: no confidence"]
    assert is_confidence(tmp_path / "out" / "two_confidence.mrcs")
    assert mrcfile.validate(tmp_path / "out" / "two_confidence.mrcs")
    with mrcfile.open(tmp_path / "out" / "two_confidence.mrcs") as file:
        assert (file.data.shape, file.data.min() >= 0.5, file.data[1].max() > 0.9) == (
            (2, 280, 300),
            True,
            True,
        )
        assert (file.data[0] == 0.5).all()


@pytest.mark.parametrize(
    ("change", "code"), [(lambda image: 0 * image, "F25"), (lambda image: image * 1e-9 + 1e4, "F25")]
)
def test_an_image_that_cannot_be_denoised_is_named_and_leaves_nothing(
    stack: Path, change: Any, code: str
) -> None:
    with mrcfile.open(stack, "r+") as file:
        file.data[1] = change(file.data[1])
    events = list(denoise_files([stack], stack.parent / "out", EACH))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert failed.code == code
    assert failed.problem.startswith("image 2 of 3: ")
    assert not list((stack.parent / "out").iterdir())


def test_a_constant_image_of_a_result_is_a_failure(stack: Path) -> None:
    general = load(GENERAL)
    silent = Model("unet", {name: 0 * w for name, w in general.weights.items()}, 1.0, working_pixel=3.0)
    write(silent, stack.parent / "silent.safetensors")
    batch = BatchRequest(
        stack.parent / "silent.safetensors", DenoisingSettings(device="cpu", stack=True, ring_gains=False)
    )
    events = list(denoise_files([stack], stack.parent / "out", batch))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert (failed.code, failed.problem[:13]) == ("O14", "image 1 of 3:")
    assert not list((stack.parent / "out").iterdir())


def test_no_more_of_a_stack_is_in_memory_than_an_image(tmp_path: Path) -> None:
    images, edge = 9, 512
    with mrcfile.new_mmap(tmp_path / "many.mrcs", (images, edge, edge), 2) as file:
        file.set_image_stack()
        for number in range(images):
            file.data[number] = np.random.default_rng(number).normal(size=(edge, edge))
        file.voxel_size = 3.0
    plain = DenoisingSettings(device="cpu", stack=True, ring_gains=False, auto_invert=False)
    first, most = None, 0
    tracemalloc.start()
    for event in denoise_files([tmp_path / "many.mrcs"], tmp_path / "out", BatchRequest(settings=plain)):
        held, _ = tracemalloc.get_traced_memory()
        if isinstance(event, TileFinished):
            first, most = first or held, max(most, held)
    tracemalloc.stop()
    assert first is not None
    assert most - first < 4 * 4 * edge * edge


def test_particles_are_refused_as_a_whole(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "particles.mrcs") as file:
        file.set_data(np.random.default_rng(0).normal(size=(5, 64, 64)).astype("f4"))
        file.set_image_stack()
    events = list(denoise_files([tmp_path / "particles.mrcs"], tmp_path / "out", EACH))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert failed.code == "F32"
    assert failed.problem.startswith("5 images of 64 × 64: a stack of particles")


def result_of(path: Path, output: Path, **settings: Any) -> Path:
    request = BatchRequest(settings=DenoisingSettings(device="cpu", **settings))
    events = list(denoise_files([path], output, request))
    (done,) = [event for event in events if isinstance(event, FileFinished)]
    return done.output


@pytest.fixture
def tilts(tmp_path: Path) -> Path:
    """A tilt series as SerialEM writes it: the header of a volume, an entry for each image, an mdoc file."""
    images = np.stack([scene(seed, (280, 300)).even.data for seed in range(4)])
    with mrcfile.new(tmp_path / "ts.mrc") as file:
        file.set_data(images)
        file.voxel_size = 2.5
        file.set_extended_header(np.frombuffer(b"".join(bytes([65 + at]) * 32 for at in range(4)), "V1"))
        file.header.exttyp = b"SERI"
        file.header.extra1 = b"\0" * 8
    raw = bytearray((tmp_path / "ts.mrc").read_bytes())
    raw[128:130] = (32).to_bytes(2, "little")  # bytes of the entry of one image
    (tmp_path / "ts.mrc").write_bytes(raw)
    sections = "".join(f"[ZValue = {at}]\nTiltAngle = {3 * at}\nMinMaxMean = 1 2 3\n\n" for at in range(4))
    head = "PixelSpacing = 2.5\nImageFile = ts.mrc\nImageSize = 300 280\nDataMode = 2\n\n"
    (tmp_path / "ts.mrc.mdoc").write_text(head + sections)
    return tmp_path / "ts.mrc"


def test_a_tilt_series_is_denoised_plane_by_plane_with_its_header_and_its_mdoc_file(tilts: Path) -> None:
    result = result_of(tilts, tilts.parent / "out", planes="all")
    assert result.name == "ts_denoised.mrc"
    with mrcfile.open(result) as file, mrcfile.open(tilts) as raw:
        assert file.data.shape == raw.data.shape
        for name in ("nx", "ny", "nz", "mx", "my", "mz", "cella", "ispg", "exttyp"):
            assert file.header[name] == raw.header[name]
        assert file.extended_header.tobytes() == raw.extended_header.tobytes()
        found = np.array(file.data)
    assert mrcfile.validate(result)
    for number in range(4):
        alone = tilts.parent / f"{number}.mrc"
        mrc.write(alone, read_micrograph(tilts, section=number).data, pixel_size=2.5, label="alone")
        wanted = micrographs.read(result_of(alone, tilts.parent / "out"))
        assert np.array_equal(found[number], wanted.data)
    again = mdoc.read(result.with_name("ts_denoised.mrc.mdoc"))
    assert [one.values["TiltAngle"] for one in again.images()] == ["0", "3", "6", "9"]
    assert again.head.values["ImageFile"] == "ts_denoised.mrc"
    assert not any("MinMaxMean" in one.values for one in again.images())


def test_chosen_planes_make_a_stack_of_their_own_with_what_belongs_to_them(tilts: Path) -> None:
    whole = result_of(tilts, tilts.parent / "out", planes="all")
    result = result_of(tilts, tilts.parent / "few", planes="3,0-1", pixel_format="float16", bin=2)
    with mrcfile.open(result) as file, mrcfile.open(whole) as other:
        assert file.data.shape == (3, 140, 150)
        assert file.data.dtype == np.float16
        assert [float(file.voxel_size[axis]) for axis in "xyz"] == [5, 5, 5]
        assert (int(file.header.mz), int(file.header.nz)) == (3, 3)
        assert file.extended_header.tobytes() == b"".join(one * 32 for one in (b"D", b"A", b"B"))
        for plane, image in zip((3, 0, 1), file.data, strict=True):
            small = binned(Micrograph(np.array(other.data[plane]), 2.5, ""), DenoisingSettings(bin=2))
            assert np.allclose(image, small.data, atol=0.05)
    again = mdoc.read(result.with_name("ts_denoised.mrc.mdoc"))
    assert [one.values["TiltAngle"] for one in again.images()] == ["9", "0", "3"]
    said = [again.head.values[name] for name in ("PixelSpacing", "ImageSize", "DataMode")]
    assert said == ["5", "150 140", "12"]


def test_the_mdoc_file_of_another_program_is_not_replaced(tilts: Path) -> None:
    (tilts.parent / "out").mkdir()
    (tilts.parent / "out" / "ts_denoised.mrc.mdoc").write_text("PixelSpacing = 1\n")
    request = BatchRequest(settings=DenoisingSettings(device="cpu", planes="0"))
    events = list(denoise_files([tilts], tilts.parent / "out", request))
    assert [event.code for event in events if isinstance(event, FileFailed)] == ["O05"]
    assert [one.name for one in (tilts.parent / "out").iterdir()] == ["ts_denoised.mrc.mdoc"]


def test_a_plane_that_is_not_there_and_what_is_no_range_are_refused(tilts: Path) -> None:
    request = BatchRequest(settings=DenoisingSettings(device="cpu", planes="2-4"))
    events = list(denoise_files([tilts], tilts.parent / "out", request))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert (failed.code, failed.problem) == ("F66", "has no plane 4: they are 0 to 3")
    assert not list((tilts.parent / "out").iterdir())
    for text in ("1,", "a", "1-2-3", "-1", "all,1"):
        with pytest.raises(SettingsError, match="S01"):
            DenoisingSettings(planes=text)


@pytest.mark.parametrize(("text", "planes"), [("all", [0, 1, 2, 3]), ("3,0-1,0", [3, 0, 1]), ("2-1", [1, 2])])
def test_planes_are_counted_from_0(tilts: Path, text: str, planes: list[int]) -> None:
    assert planes_of(facts(tilts), DenoisingSettings(planes=text)) == planes


def test_a_volume_needs_its_planes_to_be_asked_for(tilts: Path) -> None:
    events = list(denoise_files([tilts], tilts.parent / "out", EACH))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    assert failed.code == "F32"
    assert "--planes all" in failed.message


def test_a_single_micrograph_is_denoised_as_ever_where_planes_are_asked_for(tmp_path: Path) -> None:
    mrc.write(tmp_path / "m.mrc", scene(1, (280, 300)).even.data, pixel_size=2.5, label="alone")
    plain = micrographs.read(result_of(tmp_path / "m.mrc", tmp_path / "plain"))
    found = micrographs.read(result_of(tmp_path / "m.mrc", tmp_path / "planes", planes="all"))
    assert np.array_equal(plain.data, found.data)


def test_a_stack_in_a_tiff_file_stays_one_page_by_page(tmp_path: Path, stack: Path) -> None:
    images = [read_micrograph(stack, section=at).data for at in range(3)]
    tags = {"resolution": (4.0, 4.0), "description": "ImageJ=1.54f\nimages=3\nslices=3\nunit=nm\n"}
    path = tiff(tmp_path / "three.tif", *(image[::-1] for image in images), **tags)
    result = result_of(path, tmp_path / "tiff", planes="all")
    assert result.name == "three_denoised.tif"
    wanted = result_of(stack, tmp_path / "mrc", planes="all")
    with mrcfile.open(wanted) as file, tifffile.TiffFile(result) as found:
        assert np.array_equal(found.asarray()[:, ::-1], file.data)
        assert found.imagej_metadata["images"] == 3
    assert micrographs.probe(result).pixel_size == pytest.approx(2.5)
