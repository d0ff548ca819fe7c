"""Whatever a file, a method or a run is called: terminals and reports show it, and do no more."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from cryoden.cli.main import main
from cryoden.dataset.star_columns import quoted
from cryoden.errors import CryodenError, HalvesError, StarRowError
from cryoden.evaluation import report
from cryoden.io.star import split_row
from cryoden.reporting import markdown
from cryoden.runs import record as records
from tests.cryoden.cli.asked import QUICK
from tests.cryoden.evaluation.planted import finished
from tests.cryoden.scenes import scene, write_halves
from tests.cryoden.security.hostile_names import WORST, Tags, faults, names, unseen

PLAIN = {"html", "head", "meta", "title", "style", "body", "h1", "table", "thead", "tbody", "tr", "th", "td"}
TEXTS = (".html", ".md", ".json", ".csv", ".svg", ".star")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Halves of a name that would like to be more than one."""
    for number in range(2):
        for path in write_halves(tmp_path, scene(number)):
            path.rename(path.with_name(path.name.replace("m", WORST, 1).replace("/", "∕")))
    return tmp_path


def test_a_hostile_file_name_goes_through_every_command_as_text(
    hostile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, folder = str(hostile / f"run{WORST}"), str(hostile)
    model = ["--model", f"{run}/model.safetensors"]
    commands = [
        ["info", folder],
        ["train", "--halves", folder, "--run", run, "--epochs", "1", *QUICK],
        ["denoise", folder, *model, "--output", f"{folder}/out"],
        ["denoise", folder, *model, "--output", f"{folder}/out"],  # already done
        ["denoise", folder, "--device", "cpu", "--output", f"{folder}/out"],  # refused, one by one
        ["evaluate", folder, *model, "--report", f"{folder}/e.html", "--figures", f"{folder}/e.json"],
        ["compare", run, "--report", f"{folder}/c.html"],
        ["compare", run, "--report", f"{folder}/c.md"],
        ["report", run],
        ["thin", folder, "--output", f"{folder}/thin"],
        ["info", f"{folder}/{WORST}"],
        ["denoise", f"{folder}/x", *model, f"--{WORST}", "--output", "out"],
        [WORST],
    ]
    found: dict[tuple[str, ...], list[str]] = {}
    for asked in commands:
        for more in ([], ["--json"]):
            main([*asked, *more])
            told = capsys.readouterr()
            found |= {("said by", *asked[:1], *more): faults(told.out) + faults(told.err)}
    written = [path for path in hostile.rglob("*") if path.suffix in TEXTS and path.is_file()]
    for path in written:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        is_page = path.suffix == ".html"
        found |= {("written in", path.name): unseen(text) + Tags(text).faults() if is_page else faults(text)}
    assert len(written) > 5
    assert not {where: what for where, what in found.items() if what}


@given(name=names)
@settings(deadline=None)
def test_a_page_shows_a_name_and_does_nothing_else(name: str) -> None:
    shown = markdown.escaped(name)
    text = f"# {shown}\n\n| {shown} | x |\n| --- | --- |\n| {shown} | x |\n"
    assert not faults(text)
    page = markdown.html(name, text)
    assert {tag for tag, _ in Tags(page).found} == PLAIN
    assert not unseen(page)


@given(name=names)
@settings(deadline=None, max_examples=5)
def test_an_evaluation_shows_a_method_and_does_nothing_else(name: str) -> None:
    found = finished()
    renamed = tuple(replace(row, name=name if row.name == "copy" else row.name) for row in found.table.rows)
    page = report.page(replace(found.table, rows=renamed), found.pictures)
    assert not Tags(page).faults()
    assert not unseen(page)


@given(name=names)
def test_an_error_is_one_line_whatever_it_is_about(name: str) -> None:
    error = HalvesError("D01", name, f"about {name}", kept=name, fix=name)
    assert not faults(str(error))
    assert len(str(error).splitlines()) == 1


@given(name=names)
def test_a_list_has_a_name_as_one_value_or_not_at_all(name: str) -> None:
    with suppress(StarRowError):
        row = quoted(name)
        assert split_row(f"before {row} after") == ["before", name, "after"]
        assert len(row.splitlines()) == 1
        return
    assert name != "".join(name.splitlines()) or {'"', "'"} <= set(name)


def test_a_run_record_with_other_words_in_it_is_shown_as_text_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        write_halves(tmp_path, scene(number))
    folder = tmp_path / "run"
    assert main(["train", "--halves", str(tmp_path), "--run", str(folder), "--epochs", "1", *QUICK]) == 0
    record = folder / "run.json"
    values = json.loads(record.read_text())
    changed = 0
    for inside, key in list(_texts(values)):
        before, inside[key] = inside[key], WORST
        record.write_text(json.dumps(values))
        if _refused(folder):
            inside[key] = before
        else:
            changed += 1
    assert changed > 5
    record.write_text(json.dumps(values))
    assert main(["report", str(folder)]) == 0
    assert main(["compare", str(folder), "--report", str(tmp_path / "c.html")]) == 0
    told = capsys.readouterr()
    assert not faults(told.out + told.err)
    for path in (folder / "report.html", folder / "report.md", tmp_path / "c.html"):
        assert not unseen(path.read_text()), path
    assert not Tags((folder / "report.html").read_text()).faults()


def _refused(folder: Path) -> bool:
    """Return whether a record is said to be damaged, or of another version."""
    try:
        records.read(folder).history()
    except CryodenError as error:
        return error.code in {"R02", "R03"}
    return False


def _texts(values: Any) -> Iterator[tuple[Any, Any]]:
    """Yield where each text is, among values of JSON."""
    items = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    for key, value in items:
        if isinstance(value, str):
            yield values, key
        yield from _texts(value)


def test_no_cell_of_a_table_of_losses_is_a_formula(tmp_path: Path) -> None:
    write_halves(tmp_path, scene(0))
    folder = tmp_path / "=run"
    assert main(["train", "--halves", str(tmp_path), "--run", str(folder), "--epochs", "1", *QUICK]) == 0
    rows = list(csv.reader(StringIO((folder / "metrics.csv").read_text())))
    assert len(rows) > 1
    assert not [cell for row in rows for cell in row if cell[:1] in {"=", "@", "+", "\t", "\r"}]
