from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from cryoden.dataset import opening
from cryoden.errors import OutputError, SettingsError
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed, FileFinished, FileSkipped
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows import denoise_micrographs, train_model
from cryoden.workflows.denoise_micrographs import BatchRequest
from tests.cryoden.hostile import DATA
from tests.cryoden.scenes import correlation, scene, write_halves
from tests.cryoden.training.short_runs import settings

ON_CPU = DenoisingSettings(device="cpu")


K2 = DATA / "k2_counting"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "baseline.safetensors"
    chosen = settings(network="baseline", learning_rate=0.01, epochs=10)
    list(train_model.train_halves([scene(i).halves for i in range(4)], path, chosen))
    return path


def denoised(paths: list[Path], output: Path, model: Path, **batch: Any) -> list[BatchEvent]:
    return list(
        denoise_micrographs.denoise_files(paths, output, BatchRequest(model, ON_CPU, halves="each", **batch))
    )


def test_from_two_halves_on_disk_to_a_denoised_file(tmp_path: Path) -> None:
    for i in range(4):
        write_halves(tmp_path, scene(i, (256, 256)))
    halves = opening.open_halves([tmp_path])
    chosen = settings(epochs=2, steps_per_epoch=12, batch=4, learning_rate=1e-3)
    list(train_model.train_halves(halves, tmp_path / "m.safetensors", chosen))
    write_halves(tmp_path, scene(50, (256, 256)))
    unseen = tmp_path / "m50_EVN.mrc"
    denoised([unseen], tmp_path / "out", tmp_path / "m.safetensors")
    result = micrographs.read(tmp_path / "out" / "m50_EVN_denoised.mrc")
    truth = scene(50, (256, 256)).clean
    assert correlation(result.data, truth) > correlation(micrographs.read(unseen).data, truth) + 0.2


def test_a_result_passes_strict_checks_and_keeps_the_header(tmp_path: Path, model: Path) -> None:
    if not K2.is_dir():
        pytest.skip("the shared real micrographs are not there")
    source = K2 / "k2_micrograph.mrc"
    before = source.read_bytes()
    denoised([source], tmp_path, model)
    out = tmp_path / "k2_micrograph_denoised.mrc"
    assert mrcfile.validate(out)
    with mrcfile.open(out, permissive=False) as new, mrcfile.open(source, header_only=True) as old:
        assert new.voxel_size.x == old.voxel_size.x
        assert new.extended_header.tobytes() == old.extended_header.tobytes()
        assert new.header.exttyp == old.header.exttyp
        assert new.data.dtype == np.float32
        labels = [bytes(label) for label in new.header.label if bytes(label).strip()]
        assert labels[-1].startswith(b"cryoden ")
        assert b"baseline.safetensors" in labels[-1]
    assert source.read_bytes() == before


def test_float16_output_is_written_on_request(tmp_path: Path, model: Path) -> None:
    even, _ = write_halves(tmp_path, scene(1))
    batch = BatchRequest(model, DenoisingSettings(device="cpu", pixel_format="float16"))
    list(denoise_micrographs.denoise_files([even], tmp_path / "out", batch))
    with mrcfile.open(tmp_path / "out" / "m1_EVN_denoised.mrc", permissive=False) as file:
        assert file.data.dtype == np.float16


def test_one_bad_file_never_costs_the_batch_even_when_it_is_the_first(tmp_path: Path, model: Path) -> None:
    for i in range(3):
        write_halves(tmp_path / "in" if (tmp_path / "in").exists() else mkdir(tmp_path / "in"), scene(i))
    (tmp_path / "in" / "a_bad.mrc").write_bytes(b"")
    events = denoised([tmp_path / "in"], tmp_path / "out", model)
    failed = [event for event in events if isinstance(event, FileFailed)]
    assert [event.path.name for event in failed] == ["a_bad.mrc"]
    assert "F01" in failed[0].message
    assert len(list((tmp_path / "out").iterdir())) == 6
    assert isinstance(events[-1], BatchFinished)
    assert (events[-1].finished, len(events[-1].failed)) == (6, 1)


def mkdir(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_batch_of_mostly_bad_files_ends_early(tmp_path: Path, model: Path) -> None:
    for i in range(40):
        (tmp_path / f"{i:02}.mrc").write_bytes(b"no micrograph")
    events = denoised([tmp_path], tmp_path / "out", model)
    assert isinstance(events[-1], BatchFinished)
    assert (events[-1].finished, len(events[-1].failed), events[-1].untried) == (0, 20, 20)


def test_a_small_batch_is_tried_to_its_end_however_much_of_it_is_bad(tmp_path: Path, model: Path) -> None:
    for i in range(5):
        (tmp_path / f"a{i}.mrc").write_bytes(b"no micrograph")
    write_halves(tmp_path, scene(1))
    events = denoised([tmp_path], tmp_path / "out", model)
    assert isinstance(events[-1], BatchFinished)
    assert (events[-1].finished, len(events[-1].failed), events[-1].untried) == (2, 5, 0)


def test_a_half_finished_batch_goes_on_where_it_was(tmp_path: Path, model: Path) -> None:
    even, _ = write_halves(tmp_path, scene(1))
    mkdir(tmp_path / "out")
    for i in range(30):
        (tmp_path / f"z{i:02}.mrc").symlink_to(even)
        (tmp_path / "out" / f"z{i:02}_denoised.mrc").touch()
    (tmp_path / "zz_last.mrc").symlink_to(even)
    events = denoised([tmp_path], tmp_path / "out", model)
    assert isinstance(events[-1], BatchFinished)
    assert (events[-1].finished, len(events[-1].failed), events[-1].untried) == (3, 30, 0)


def test_a_result_never_takes_the_place_of_another_input(tmp_path: Path, model: Path) -> None:
    even, odd = write_halves(tmp_path, scene(1))
    other = odd.rename(tmp_path / "m1_EVN_denoised.mrc")
    before = other.read_bytes()
    with pytest.raises(OutputError, match=r"O04 .*would replace this input"):
        denoised([even, other], tmp_path, model, overwrite=True)
    assert other.read_bytes() == before


def test_the_tree_of_folders_is_kept(tmp_path: Path, model: Path) -> None:
    for name in ("a", "b"):
        write_halves(mkdir(tmp_path / name), scene(1))
    denoised([tmp_path], tmp_path / "out", model)
    made = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.mrc")}
    assert {"a/m1_EVN_denoised.mrc", "b/m1_EVN_denoised.mrc"} <= made
    again = denoised([tmp_path], tmp_path / "out", model)
    assert sum(isinstance(event, FileSkipped) for event in again) == 4


def test_two_files_with_one_result_are_refused_before_anything_is_done(tmp_path: Path, model: Path) -> None:
    paths = [write_halves(mkdir(tmp_path / name), scene(1))[0] for name in ("a", "b")]
    with pytest.raises(OutputError, match="D07"):
        denoised(paths, tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


def test_an_existing_result_is_kept_unless_asked(tmp_path: Path, model: Path) -> None:
    even, _ = write_halves(tmp_path, scene(1))
    target = mkdir(tmp_path / "out") / "m1_EVN_denoised.mrc"
    target.write_bytes(b"precious")
    events = denoised([even], tmp_path / "out", model)
    assert any(isinstance(event, FileFailed) and "O05" in event.message for event in events)
    assert target.read_bytes() == b"precious"


def test_a_link_from_the_result_to_the_input_is_never_followed(tmp_path: Path, model: Path) -> None:
    even, _ = write_halves(tmp_path, scene(1))
    (mkdir(tmp_path / "out") / "m1_EVN_denoised.mrc").symlink_to(even)
    before = even.read_bytes()
    with pytest.raises(OutputError, match="O04"):
        denoised([even], tmp_path / "out", model, overwrite=True)
    assert even.read_bytes() == before


def test_another_pixel_size_than_the_model_was_trained_at_is_a_warning(tmp_path: Path, model: Path) -> None:
    even, _ = write_halves(tmp_path, scene(1))
    events = denoised([even], tmp_path / "out", model, reading=ReadingSettings(pixel_size=3.0))
    warnings = [event.warnings for event in events if isinstance(event, FileFinished)]
    assert [[str(one) for one in said] for said in warnings] == [
        ["T13: the model was trained at 1.5 Å/px, this micrograph has 3 Å/px"]
    ]
    assert micrographs.read(tmp_path / "out" / "m1_EVN_denoised.mrc").pixel_size == pytest.approx(3)


def test_missing_pixels_are_mended_on_request_and_told(tmp_path: Path, model: Path) -> None:
    known = scene(1)
    holed = known.even.data.copy()
    holed[3, 4:9] = np.nan
    with mrcfile.new(tmp_path / "holes.mrc") as file:
        with pytest.warns(RuntimeWarning, match="NaN"):
            file.set_data(holed)
        file.voxel_size = 1.5
    refused = denoised([tmp_path / "holes.mrc"], tmp_path / "out", model)
    assert any(isinstance(event, FileFailed) and "F24" in event.message for event in refused)
    mended = denoised([tmp_path / "holes.mrc"], tmp_path / "out", model, reading=ReadingSettings(nan="mean"))
    told = [event.warnings for event in mended if isinstance(event, FileFinished)]
    assert [list(map(str, said)) for said in told] == [
        ["F24: 5 NaN or infinite pixels replaced by the mean of the others"]
    ]


def test_nothing_to_denoise_is_told(tmp_path: Path, model: Path) -> None:
    with pytest.raises(SettingsError, match="D01  0 micrographs match"):
        denoised([tmp_path], tmp_path / "out", model)


def test_a_killed_denoiser_leaves_nothing_under_a_final_name(tmp_path: Path, model: Path) -> None:
    even, _ = write_halves(tmp_path, scene(1))
    events = denoise_micrographs.denoise_files(
        [even], tmp_path / "out", BatchRequest(model, DenoisingSettings(device="cpu", tile=64))
    )
    for _ in range(3):
        next(events)
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert list((tmp_path / "out").iterdir()) == []


def test_a_hard_link_from_the_result_to_the_input_is_never_written_to(tmp_path: Path, model: Path) -> None:
    even, _ = write_halves(tmp_path, scene(1))
    (mkdir(tmp_path / "out") / "m1_EVN_denoised.mrc").hardlink_to(even)
    before = even.read_bytes()
    events = denoised([even], tmp_path / "out", model, overwrite=True)
    assert any(isinstance(event, FileFailed) and "O04" in event.message for event in events)
    assert even.read_bytes() == before
    assert even.samefile(tmp_path / "out" / "m1_EVN_denoised.mrc")


def test_the_pixel_size_of_a_star_file_is_written_into_the_result(tmp_path: Path, model: Path) -> None:
    mrc.write(tmp_path / "a.mrc", scene(1).even.data, pixel_size=None, label="made for a test")
    star, counts = tmp_path / "m.star", []
    for size in ("1.9", "1.9", "2.5"):
        star.write_text(f"data_\n_rlnMicrographName a.mrc\n_rlnMicrographPixelSize {size}\n")
        ended = denoised([star], tmp_path / "out", model)[-1]
        assert isinstance(ended, BatchFinished)
        counts.append((ended.finished, ended.skipped, len(ended.failed)))
    assert counts == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]  # with another pixel size it would be another result
    assert micrographs.read(tmp_path / "out" / "a_denoised.mrc").pixel_size == pytest.approx(1.9)


def test_two_batches_into_one_folder_share_the_work_and_neither_fails(tmp_path: Path, model: Path) -> None:
    for i in range(6):
        write_halves(tmp_path, scene(i, (256, 256)))
    before = {path.name for path in tmp_path.iterdir()}
    events: list[BatchEvent] = []
    batch = BatchRequest(model, ON_CPU, halves="each")

    def work() -> None:
        events.extend(denoise_micrographs.denoise_files([tmp_path], tmp_path / "out", batch))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [event.output.name for event in events if isinstance(event, FileFinished)]
    assert sorted(made) == sorted(f"{Path(name).stem}_denoised.mrc" for name in before)
    assert [event for event in events if isinstance(event, FileFailed)] == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(made)


def test_a_result_names_the_run_of_its_model_where_the_file_is_called_as_all_of_them(
    tmp_path: Path, model: Path
) -> None:
    (tmp_path / "my_run").mkdir()
    of_a_run = shutil.copy(model, tmp_path / "my_run" / "model.safetensors")
    write_halves(tmp_path, scene(1))
    denoised([tmp_path / "m1_EVN.mrc"], tmp_path / "out", Path(of_a_run))
    assert b"denoised with my_run " in (tmp_path / "out" / "m1_EVN_denoised.mrc").read_bytes()[:1024]


def test_the_confidence_is_written_beside_each_result_and_again_with_it(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_halves(tmp_path / "raw", scene(3, (512, 512)))
    chosen = BatchRequest(settings=DenoisingSettings(device="cpu", confidence=True), halves="each")

    def run() -> None:
        list(denoise_micrographs.denoise_files([tmp_path / "raw"], tmp_path / "out", chosen))

    run()
    written = micrographs.read(tmp_path / "out" / "m3_EVN_confidence.mrc")
    assert written.data.min() >= 0.5
    assert written.data.max() <= 1
    assert written.pixel_size == pytest.approx(1.5)
    (tmp_path / "out" / "m3_EVN_denoised.mrc").unlink()
    run()  # the confidence of a run that was killed before its result is no obstacle
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_a_file_of_another_program_is_not_replaced_by_a_confidence(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_halves(tmp_path / "raw", scene(3, (512, 512)))
    other = tmp_path / "out" / "m3_EVN_confidence.mrc"
    other.parent.mkdir()
    mrc.write(other, np.ones((8, 8), np.float32), pixel_size=1.0, label="something else")
    before = other.read_bytes()
    chosen = BatchRequest(settings=DenoisingSettings(device="cpu", confidence=True), halves="each")
    events = list(denoise_micrographs.denoise_files([tmp_path / "raw"], tmp_path / "out", chosen))
    assert [event for event in events if isinstance(event, FileFailed)]
    assert other.read_bytes() == before
    assert not (tmp_path / "out" / "m3_EVN_denoised.mrc").exists()
