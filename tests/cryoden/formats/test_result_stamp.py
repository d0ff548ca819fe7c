from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from cryoden.cli.main import main
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed, FileFinished, FileSkipped
from cryoden.formats import micrographs
from cryoden.formats.result_stamp import (
    ResultStamp,
    StampInputs,
    denoised_with,
    marked,
    result_label,
    sum_label,
)
from cryoden.io import mrc
from cryoden.io.mrc_header_copy import original
from cryoden.io.mrc_probe import probe
from cryoden.model import checkpoint
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.workflows import denoise_micrographs
from cryoden.workflows.denoise_micrographs import BatchRequest
from cryoden.workflows.results import TWICE
from tests.cryoden.denoising.test_denoise import model as random_model
from tests.cryoden.scenes import scene, write_halves

ON_CPU = DenoisingSettings(device="cpu")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return written(tmp_path / "a.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four micrographs."""
    (tmp_path / "in").mkdir()
    for seed in (1, 2):
        write_halves(tmp_path / "in", scene(seed))
    return tmp_path / "in"


def written(path: Path, pixel_size: float = 1.5) -> Path:
    checkpoint.write(random_model("baseline", pixel_size=pixel_size), path)
    return path


def denoised(
    folder: Path, model: Path, settings: DenoisingSettings = ON_CPU, **batch: Any
) -> list[BatchEvent]:
    return list(
        denoise_micrographs.denoise_files(
            [folder], folder.parent / "out", BatchRequest(model, settings, halves="each", **batch)
        )
    )


def counts(events: list[BatchEvent]) -> tuple[int, int, int]:
    """Return how many files were finished, skipped and failed."""
    last = events[-1]
    assert isinstance(last, BatchFinished)
    return last.finished, last.skipped, len(last.failed)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder.parent / "out").iterdir())}


def problems(events: list[BatchEvent]) -> set[str]:
    """Return what is said of failed files, without their names."""
    told = [event.message for event in events if isinstance(event, FileFailed)]
    assert {line[:3] for line in told} <= {"O05"}
    return {line.split(" — ")[1] for line in told}


def test_what_is_done_is_not_done_again(folder: Path, model: Path) -> None:
    assert counts(denoised(folder, model)) == (4, 0, 0)
    before = contents(folder)
    again = denoised(folder, model)
    assert counts(again) == (0, 4, 0)
    skipped = [event for event in again if isinstance(event, FileSkipped)]
    assert [event.path.name for event in skipped] == sorted(path.name for path in folder.iterdir())
    assert all(event.output.is_file() for event in skipped)
    assert contents(folder) == before


def test_only_what_is_not_done_is_done(folder: Path, model: Path) -> None:
    denoised(folder, model)
    (folder.parent / "out" / "m2_EVN_denoised.mrc").unlink()
    write_halves(folder, scene(3))
    assert counts(denoised(folder, model)) == (3, 3, 0)


def test_device_and_tile_size_are_no_other_settings(folder: Path, model: Path) -> None:
    denoised(folder, model)
    assert counts(denoised(folder, model, DenoisingSettings(device="auto", tile=64))) == (0, 4, 0)


def test_a_model_is_known_by_what_it_is_and_not_by_its_name(folder: Path, model: Path) -> None:
    denoised(folder, model)
    assert counts(denoised(folder, model.rename(model.with_name("renamed.safetensors")))) == (0, 4, 0)


def test_results_of_another_model_are_kept_and_named_until_they_may_be_replaced(
    folder: Path, model: Path
) -> None:
    denoised(folder, model)
    before = contents(folder)
    other = written(model.with_name("b.safetensors"), pixel_size=2.0)
    events = denoised(folder, other)
    assert counts(events) == (0, 0, 4)
    (told,) = problems(events)
    assert told.startswith("already exists, made with another model. It is untouched.")
    assert contents(folder) == before
    assert counts(denoised(folder, other, overwrite=True)) == (4, 0, 0)
    assert counts(denoised(folder, other, overwrite=True)) == (0, 4, 0), "what is the same stays"


@pytest.mark.parametrize(
    "other",
    [
        {"settings": replace(ON_CPU, orientations=8)},
        {"settings": replace(ON_CPU, ice_ring=False)},
        {"settings": replace(ON_CPU, precision="bfloat16")},
        {"settings": replace(ON_CPU, pixel_format="float16")},
        {"reading": ReadingSettings(pixel_size=2.0)},
        {"reading": ReadingSettings(nan="mean")},
    ],
)
def test_results_of_other_settings_are_not_taken_as_done(
    folder: Path, model: Path, other: dict[str, Any]
) -> None:
    denoised(folder, model)
    (told,) = problems(denoised(folder, model, **other))
    assert told.startswith("already exists, made with other settings or by another version of cryoden.")


def test_a_micrograph_that_has_changed_is_not_taken_as_done(folder: Path, model: Path) -> None:
    denoised(folder, model)
    shutil.copy(folder / "m2_EVN.mrc", folder / "m1_EVN.mrc")
    events = denoised(folder, model)
    assert counts(events) == (0, 3, 1)
    (told,) = problems(events)
    assert told.startswith("already exists, made from another file, or one that has changed since.")


def test_a_moved_project_is_still_done(folder: Path, model: Path) -> None:
    denoised(folder, model)
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    moved = [shutil.move(folder.parent / name, elsewhere / name) for name in ("in", "out")]
    assert counts(denoised(Path(moved[0]), model)) == (0, 4, 0)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: os.truncate(path, 5000), "not a complete micrograph (F03: truncated"),
        (lambda path: path.write_bytes(b""), "not a complete micrograph (F01: empty"),
        (
            lambda path: mrc.write(path, scene(9).clean, pixel_size=1.0, label="of another program"),
            "no record",
        ),
    ],
)
def test_a_file_that_is_no_result_is_kept_and_named(folder: Path, model: Path, spoil: Any, said: str) -> None:
    denoised(folder, model)
    spoil(folder.parent / "out" / "m1_ODD_denoised.mrc")
    before = contents(folder)
    events = denoised(folder, model)
    assert counts(events) == (0, 3, 1)
    assert said in problems(events).pop()
    assert contents(folder) == before
    assert counts(denoised(folder, model, overwrite=True)) == (1, 3, 0)


def test_a_result_that_another_program_has_changed_is_no_result(folder: Path, model: Path) -> None:
    denoised(folder, model)
    result = folder.parent / "out" / "m1_EVN_denoised.mrc"
    changed = result.with_name("changed.mrc")
    mrc.write(
        changed, micrographs.read(result).data + 1, pixel_size=1.5, like=original(result), label="newstack"
    )
    changed.replace(result)
    assert counts(denoised(folder, model)) == (0, 3, 1)


def test_a_result_denoised_once_more_is_known_by_its_last_label(folder: Path, model: Path) -> None:
    denoised(folder, model)
    first = sorted((folder.parent / "out").glob("*.mrc"))
    twice, again = (
        list(denoise_micrographs.denoise_files(first, folder.parent / "twice", BatchRequest(model, ON_CPU)))
        for _ in range(2)
    )
    done = [event for event in twice if isinstance(event, FileFinished)]
    assert all(TWICE in event.warnings for event in done)
    assert (counts(twice), counts(again)) == ((4, 0, 0), (0, 4, 0))


def test_a_long_name_of_a_model_never_costs_the_mark(folder: Path, model: Path) -> None:
    long = model.rename(model.with_name(f"{'apoferritin_' * 8}.safetensors"))
    denoised(folder, long)
    label = probe(folder.parent / "out" / "m1_EVN_denoised.mrc").labels[-1]
    assert label.startswith("cryoden ")
    assert "denoised with apoferritin_" in label
    assert len(label) == 80
    assert ResultStamp.of(label) == StampInputs(checkpoint.load(long).sha256, ON_CPU).mark(
        folder / "m1_EVN.mrc"
    )


def test_only_a_mark_at_the_end_of_a_label_counts() -> None:
    mark = ResultStamp("0" * 8, "1" * 8, "f" * 8)
    assert ResultStamp.of(marked("denoised with m", mark)) == mark
    assert ResultStamp.of(f"{marked('denoised with m', mark)} and more") is None
    assert marked("x" * 100, None) == "x" * 80


@pytest.mark.parametrize(
    ("even", "odd", "said"),
    [
        ("a_EVN.mrc", "a_ODD.mrc", "a_{EVN,ODD}.mrc"),
        ("even/a.mrc", "odd/a.mrc", "{even,odd}/a.mrc"),
        ("a_AB.mrc", "a_AB.mrc", "A and B in a_AB.mrc"),
        ("x" * 90 + "_EVN.mrc", "x" * 90 + "_ODD.mrc", "x_{EVN,ODD}.mrc"),
        ("a\n[x]_EVN.mrc", "a\n[x]_ODD.mrc", r"a\n[x]_{EVN,ODD}.mrc"),
    ],
)
def test_a_sum_names_both_halves_in_one_label_whatever_they_are_called(
    even: str, odd: str, said: str
) -> None:
    label = sum_label(Path("average") / even, Path("average") / odd)
    assert label.endswith(said)
    assert len(label) <= 80
    assert len(label.splitlines()) == 1
    assert denoised_with([label]) is None


def command_for(folder: Path, model: Path) -> list[str]:
    out = str(folder.parent / "out")
    return ["denoise", str(folder), "--halves", "each", "--model", str(model), "--output", out]


def test_a_batch_that_was_killed_is_gone_on_with_by_the_same_command(
    folder: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = command_for(folder, model)
    command = [sys.executable, "-m", "cryoden.cli.main", *asked, "--device", "cpu", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        finished = (line for line in process.stdout if json.loads(line)["event"] == "FileFinished")
        assert len(list(islice(finished, 2))) == 2
        process.kill()
    there = {path.name for path in (folder.parent / "out").iterdir() if not path.name.startswith(".")}
    assert {"m1_EVN_denoised.mrc", "m1_ODD_denoised.mrc"} <= there
    assert main([*asked, "--device", "cpu", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = Counter(event["event"] for event in events)
    assert (told["FileSkipped"], told["FileFinished"]) == (len(there), 4 - len(there))
    assert (events[-1]["skipped"], events[-1]["finished"]) == (len(there), 4 - len(there))
    results = [path for path in (folder.parent / "out").iterdir() if not path.name.startswith(".")]
    assert {micrographs.read(path).shape for path in results} == {(160, 192)}
    assert len(results) == 4


def test_the_terminal_is_told_what_was_done_before(
    folder: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    denoised(folder, model)
    asked = command_for(folder, model)
    assert main(asked) == 0
    told = capsys.readouterr().out.splitlines()
    assert sum(line.endswith("(already done)") for line in told) == 4
    assert told[-1].startswith("0 done, 4 skipped (already done), 0 failed (")


def test_a_result_is_known_by_its_label_and_names_its_model() -> None:
    mark = ResultStamp("01234567", "89abcdef", "01234567")
    marked_label = marked(result_label("run_1 best.safetensors"), mark)
    for label in (marked_label, result_label("run_1 best.safetensors")):
        assert denoised_with(["MotionCor2", label, "cropped later"]) == "run_1 best.safetensors"
    assert denoised_with(["MotionCor2", "napari-cryoden: raw micrograph saved from napari"]) is None
