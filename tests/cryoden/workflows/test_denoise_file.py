"""The sum of two halves, denoised, on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.output_paths import Targets
from cryoden.dataset.star_files import HALVES, micrographs_of
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed, FileFinished, FileSkipped
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.io.star import having, read_tables
from cryoden.model import checkpoint
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.workers import WorkerSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.session import denoise_session
from tests.cryoden.dataset.cryosparc import write_project
from tests.cryoden.denoising.test_denoise import model as random_model
from tests.cryoden.scenes import scene, write_halves

ON_CPU = DenoisingSettings(device="cpu", tile=128)


@pytest.fixture
def batch(tmp_path: Path) -> BatchRequest:
    checkpoint.write(random_model("baseline"), tmp_path / "model.safetensors")
    return BatchRequest(tmp_path / "model.safetensors", ON_CPU)


@pytest.fixture
def halves(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "in").mkdir()
    return write_halves(tmp_path / "in", scene(1))


def run(paths: list[Path], output: Path, batch: BatchRequest, **others: Any) -> list[BatchEvent]:
    return list(denoise_files(paths, output, batch, **others))


def failure(events: list[BatchEvent]) -> FileFailed:
    (failed,) = (event for event in events if isinstance(event, FileFailed))
    return failed


def test_the_result_of_two_halves_is_that_of_their_sum_and_says_so(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest
) -> None:
    even, odd = (micrographs.read(path) for path in halves)
    mrc.write(tmp_path / "whole.mrc", even.data + odd.data, pixel_size=1.5, label="the sum")
    events = run(list(halves), tmp_path / "out", batch)
    run([tmp_path / "whole.mrc"], tmp_path / "out", batch)
    made, same = (tmp_path / "out" / f"{name}_denoised.mrc" for name in ("m1", "whole"))
    np.testing.assert_array_equal(micrographs.read(made).data, micrographs.read(same).data)
    *_, first, second = micrographs.probe(made).labels
    assert first.endswith(": sum of m1_{EVN,ODD}.mrc")
    assert ": denoised with " in second
    (done,) = (event for event in events if isinstance(event, FileFinished))
    assert (done.path, done.odd) == halves
    ended = events[-1]
    assert isinstance(ended, BatchFinished)
    assert ended.halves == "1 from the sum of both halves"


def test_a_sum_that_is_there_is_skipped_until_one_of_its_halves_changes(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest
) -> None:
    run([tmp_path / "in"], tmp_path / "out", batch)
    (skipped,) = (
        event for event in run([tmp_path / "in"], tmp_path / "out", batch) if isinstance(event, FileSkipped)
    )
    assert skipped.odd == halves[1]
    mrc.write(halves[1], scene(2).odd.data, pixel_size=1.5, label="another one")
    failed = failure(run([tmp_path / "in"], tmp_path / "out", batch))
    assert failed.code == "O05"
    assert "from another file, or one that has changed since" in failed.problem


@pytest.mark.parametrize(
    ("shape", "size", "code"), [((160, 190), 1.5, "D05"), ((160, 192), 3.0, "D06"), ((160, 192), 1.5, "F03")]
)
def test_what_is_wrong_with_the_other_half_is_said_and_costs_this_exposure_only(
    tmp_path: Path,
    halves: tuple[Path, Path],
    batch: BatchRequest,
    shape: tuple[int, int],
    size: float,
    code: str,
) -> None:
    write_halves(tmp_path / "in", scene(3))
    mrc.write(halves[1], scene(1, shape).odd.data, pixel_size=size, label="unlike")
    if code == "F03":
        halves[1].write_bytes(halves[1].read_bytes()[:5000])
    events = run([tmp_path / "in"], tmp_path / "out", batch)
    failed = failure(events)
    assert (failed.code, failed.path) == (code, halves[0])
    assert "m1_ODD" in failed.message
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["m3_denoised.mrc"]


def test_pixels_of_either_half_that_are_no_numbers_are_said_of_that_half(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest
) -> None:
    pixels = scene(1).odd.data.copy()
    pixels[3, 4] = np.nan
    with halves[1].open("r+b") as file:
        file.seek(1024)
        file.write(pixels.tobytes())
    failed = failure(run([tmp_path / "in"], tmp_path / "out", batch))
    assert failed.code == "F24"
    assert failed.message.startswith(f"F24  {halves[1]}")


def test_the_full_sum_that_is_there_is_denoised_and_not_another_one(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest
) -> None:
    mrc.write(tmp_path / "in" / "m1.mrc", scene(1).even.data, pixel_size=1.5, label="dose-weighted")
    run([tmp_path / "in"], tmp_path / "out", batch)
    run([halves[0]], tmp_path / "half", batch)
    made, same = tmp_path / "out" / "m1_denoised.mrc", tmp_path / "half" / "m1_EVN_denoised.mrc"
    np.testing.assert_array_equal(micrographs.read(made).data, micrographs.read(same).data)
    assert not any("sum of" in label for label in micrographs.probe(made).labels)


@pytest.mark.usefixtures("halves")
def test_a_result_of_both_halves_is_kept_when_their_full_sum_comes_later(
    tmp_path: Path, batch: BatchRequest
) -> None:
    run([tmp_path / "in"], tmp_path / "out", batch)
    made = tmp_path / "out" / "m1_denoised.mrc"
    before, full = made.read_bytes(), tmp_path / "in" / "m1.mrc"
    mrc.write(full, scene(1).even.data, pixel_size=1.5, label="dose-weighted")
    *events, ended = run([tmp_path / "in"], tmp_path / "out", batch)
    assert [event for event in events if isinstance(event, FileSkipped)] == [
        FileSkipped(full, made, of_halves=True)
    ]
    assert isinstance(ended, BatchFinished)
    assert (ended.skipped, ended.failed, made.read_bytes()) == (1, (), before)
    kept = "1 made before from both halves kept, though their full sum is there (see --overwrite)"
    assert ended.halves == kept
    run([tmp_path / "in"], tmp_path / "out", replace(batch, overwrite=True))
    assert not any("sum of" in label for label in micrographs.probe(made).labels)


def test_a_result_of_halves_that_have_changed_is_another_one_than_that_of_their_full_sum(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest
) -> None:
    run([tmp_path / "in"], tmp_path / "out", batch)
    mrc.write(halves[1], scene(2).odd.data, pixel_size=1.5, label="another one")
    mrc.write(tmp_path / "in" / "m1.mrc", scene(1).even.data, pixel_size=1.5, label="full sum")
    assert failure(run([tmp_path / "in"], tmp_path / "out", batch)).code == "O05"


def test_a_batch_ends_with_how_many_sums_were_made_not_planned(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest
) -> None:
    write_halves(tmp_path / "in", scene(3))
    halves[1].write_bytes(halves[1].read_bytes()[:5000])
    found = [run([tmp_path / "in"], tmp_path / "out", batch)[-1] for _ in range(2)]
    assert [ended.halves for ended in found if isinstance(ended, BatchFinished)] == [
        "1 from the sum of both halves",
        "",
    ]


def test_workers_make_the_same_bytes_of_sums(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest
) -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    run([tmp_path / "in"], tmp_path / "one", batch)
    events = list(denoise_session([tmp_path / "in"], tmp_path / "two", batch, WorkerSettings(workers=2)))
    (done,) = (event for event in events if isinstance(event, FileFinished))
    assert (done.path, done.odd) == halves
    made = [tmp_path / folder / "m1_denoised.mrc" for folder in ("one", "two")]
    assert made[0].read_bytes() == made[1].read_bytes()
    mrc.write(tmp_path / "in" / "m1.mrc", scene(1).even.data, pixel_size=1.5, label="full sum")
    events = list(denoise_session([tmp_path / "in"], tmp_path / "two", batch, WorkerSettings(workers=2)))
    assert [event.of_halves for event in events if isinstance(event, FileSkipped)] == [True]


def test_halves_a_and_b_of_cryosparc_are_added_up(tmp_path: Path, batch: BatchRequest) -> None:
    write_project(tmp_path)
    whole = next((tmp_path / "J2" / "motioncorrected").glob("*_AB.mrc"))
    both = Targets({whole: tmp_path / "out.mrc"}, {whole: HalfFiles("both", whole, whole)})
    run([whole], tmp_path, batch, targets=both)
    plain = whole.with_name(whole.name.replace("_AB", ""))
    run([plain], tmp_path, batch, targets={plain: tmp_path / "plain.mrc"})
    found, same = (micrographs.read(tmp_path / name).data for name in ("out.mrc", "plain.mrc"))
    labels = micrographs.probe(tmp_path / "out.mrc").labels
    np.testing.assert_allclose(found, 2 * same, rtol=1e-4)  # the micrograph is their mean
    assert any(label.endswith("_patch_aligned_AB.mrc") and "sum of A and B in" in label for label in labels)


def test_a_star_file_of_halves_alone_gets_a_list_of_their_sums(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest
) -> None:
    rows = " ".join(f"in/{path.name}" for path in halves)
    labels = "_rlnMicrographNameEven #1\n_rlnMicrographNameOdd #2"
    (tmp_path / "h.star").write_text(f"data_micrographs\n\nloop_\n{labels}\n{rows}\n")
    command = ["denoise", str(tmp_path / "h.star"), "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert main([*command, "--model", str(batch.model), "--names", "replaced"]) == 0
    listed = tmp_path / "out" / "micrographs_denoised.star"
    assert micrographs_of(listed) == [tmp_path / "out" / "m1_denoised.mrc"]
    table = having(read_tables(listed), HALVES)
    assert table is not None
    assert table.labels[:2] == ["rlnMicrographNameEven", "rlnMicrographNameOdd"]


def test_on_the_command_line_each_half_is_denoised_where_that_is_wanted(
    tmp_path: Path, halves: tuple[Path, Path], batch: BatchRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["denoise", *map(str, halves), "--model", str(batch.model), "--device", "cpu"]
    assert main([*command, "--output", str(tmp_path / "both"), "--halves", "each"]) == 0
    assert {path.name for path in (tmp_path / "both").iterdir()} == {
        "m1_EVN_denoised.mrc",
        "m1_ODD_denoised.mrc",
    }
    assert "sum of both halves" not in capsys.readouterr().out
