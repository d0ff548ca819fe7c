from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cryoden.cli.main import main
from cryoden.errors import CryodenError
from cryoden.events.batch import FileFinished
from cryoden.events.shown_results import ShownResults
from cryoden.events.training import TrainingStarted
from cryoden.io import mrc
from cryoden.reporting.contact_sheet import PALE, image_width, is_sheet
from cryoden.runs.folder import RunFolder
from cryoden.runs.report import write
from cryoden.workflows import train_model
from cryoden.workflows.pictures import GAP, contact_sheet
from tests.cryoden.scenes import scene, write_halves
from tests.cryoden.training.short_runs import settings


def test_the_report_of_a_run_shows_a_region_raw_and_denoised(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    chosen = settings(network="baseline", learning_rate=0.01, epochs=10)
    list(train_model.train_halves([scene(i).halves for i in range(4)], folder, chosen))
    with Image.open(folder.denoised) as picture:
        pixels = np.asarray(picture.convert("L"), np.float32)
    height, width = scene(0).even.shape
    assert pixels.shape == (height, 2 * width + GAP)
    raw, denoised = pixels[:, :width], pixels[:, -width:]
    rough = [float(np.abs(np.diff(side)).mean()) for side in (raw, denoised)]
    assert rough[1] < 0.7 * rough[0]  # the noise is gone, the contrast is the same
    assert "![Raw and denoised](denoised.png)" in folder.text.read_text()
    assert folder.report.read_text().count("data:image/png;base64,") == 2


def test_a_run_without_a_model_has_a_report_without_a_picture(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    chosen = settings(network="unet", optimizer="sgd", learning_rate=10.0, epochs=1)
    list(train_model.train_halves([scene(i).halves for i in range(4)], folder, chosen))
    if not folder.model.is_file():
        assert not folder.denoised.exists()
    folder.denoised.unlink(missing_ok=True)
    write(folder)
    assert "Raw and denoised" not in folder.text.read_text()


def test_the_report_says_what_was_used_and_what_was_held_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    chosen = settings(epochs=0, minutes=0.01, batch=0, working_pixel=0.0, steps_per_epoch=2)
    list(train_model.train_halves([scene(1, (256, 256)).halves], folder, chosen))
    text = folder.text.read_text()
    assert "Not measured" not in text
    assert "| validation | strips of it that are not trained on |" in text
    for as_typed in ("| batch | 0", "| epochs | 0", "| working_pixel | 0.0", "| device | auto"):
        assert as_typed not in text
    assert "| batch | 2 |" in text
    assert "(limited by time) |" in text


@pytest.fixture
def results(tmp_path: Path) -> ShownResults:
    """A single micrograph, a sum of halves, and one whose micrograph is gone, each with a result."""
    shown = ShownResults()
    for number in range(3):
        even, odd = write_halves(tmp_path, scene(number))
        made = tmp_path / f"m{number}_denoised.mrc"
        mrc.write(made, scene(number).clean, pixel_size=1.5, label="made for a test")
        shown.add(FileFinished(even, made, 1.0, (), odd if number == 1 else None))
    even.unlink()
    return shown


def test_a_contact_sheet_shows_what_can_be_read_and_replaces_an_earlier_one(
    tmp_path: Path, results: ShownResults
) -> None:
    file = tmp_path / "sheet.png"
    assert list(contact_sheet(results, file)) == pytest.approx([1 / 3, 2 / 3, 1])
    first = file.read_bytes()
    (tmp_path / "m1_ODD.mrc").unlink()  # a sum needs both
    list(contact_sheet(results, file))
    with Image.open(BytesIO(first)) as before, Image.open(file) as after:
        empty = [int((np.asarray(picture) == PALE).sum()) for picture in (before, after)]
    place = image_width(3) ** 2 * 160 / 192
    assert empty[0] > 0.9 * place
    assert empty[1] > 1.9 * place
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize(("name", "code"), [("sheet.jpg", "S03"), ("taken.png", "O05")])
def test_a_contact_sheet_takes_no_other_files_place_and_is_a_png(
    tmp_path: Path, results: ShownResults, name: str, code: str
) -> None:
    (tmp_path / "taken.png").write_bytes(b"of others")
    with pytest.raises(CryodenError, match=code):
        next(contact_sheet(results, tmp_path / name))
    assert (tmp_path / "taken.png").read_bytes() == b"of others"


def test_the_command_writes_a_contact_sheet_and_a_table_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        write_halves(tmp_path, scene(number))
    (tmp_path / "bad.mrc").write_bytes(b"no micrograph")
    command = ["denoise", str(tmp_path), "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert main([*command, "--contact-sheet", str(tmp_path / "out" / "sheet.png")]) == 3
    told = capsys.readouterr()
    assert "done    2" in told.out
    assert "failed  1" in told.out
    assert f"Written: {tmp_path / 'out' / 'sheet.png'}" in told.err
    assert is_sheet(tmp_path / "out" / "sheet.png")
    assert main([*command, "--contact-sheet", "sheet.jpeg"]) == 2


def test_a_run_that_ends_before_it_was_ever_validated_has_a_report(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    events: Any = train_model.train_halves([scene(i).halves for i in range(2)], folder, settings())
    while not isinstance(next(events), TrainingStarted):
        pass
    events.close()
    assert "| no model was saved |" in folder.text.read_text()
