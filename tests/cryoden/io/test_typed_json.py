"""Whatever lies in the place of a file this program reads, only its own kind of error comes out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from cryoden.cli.show_experiment import facts, rows
from cryoden.errors import CryodenError
from cryoden.evaluation import json_file
from cryoden.evaluation.conclusions import conclusions
from cryoden.experiment.index import INDEX
from cryoden.experiment.store import PatchStore
from cryoden.io import typed_json
from cryoden.model import checkpoint
from cryoden.model.networks import build, loaded
from cryoden.runs import compare, external, record, report
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.table import FIGURES
from cryoden.runs.targets import Targets, reached
from tests.cryoden.evaluation.planted import finished
from tests.cryoden.experiment.patch_sets import made
from tests.cryoden.scenes import scene, write_halves
from tests.napari_cryoden import runs

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\udcff"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TEXTS = ["", "[" * 100_000, "[[[[", "null", "[]", "1e999", "\0", "{", '{"a": NaN}', '"x"']
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def paths_of(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from paths_of(one, (*at, key))


def changed(values: Any, at: tuple[Any, ...], value: Any, *, remove: bool) -> Any:
    if not at:
        return value
    copy = json.loads(json.dumps(values))
    inner = copy
    for key in at[:-1]:
        inner = inner[key]
    if remove:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return copy


def read_run(path: Path) -> None:
    """Read a run as comparing, tables and reports do."""
    summary = compare.opened(path.parent)
    _ = [figure.text(summary) for figure in FIGURES], summary.curve(), summary.course(), summary.convergence()
    reached(summary, Targets(compare.opened("experiment")))
    if summary.record is not None:
        report.report(summary.record, summary.record.history())


def read_described(path: Path) -> None:
    summary = compare.opened(path)
    _ = [figure.text(summary) for figure in FIGURES], summary.curve(), summary.course()
    reached(summary, Targets(compare.opened("experiment")))


def read_evaluation(path: Path) -> None:
    conclusions(json_file.load(path))


def read_patches(path: Path) -> None:
    store = PatchStore(path.parent)
    _ = facts(store), rows(store)


def read_model(path: Path) -> None:
    model = checkpoint.load(path)
    loaded(build(model.network, 0, model), model)


@dataclass(frozen=True)
class Reader:
    """What reads a file, and a file it reads."""

    read: Callable[[Path], Any]
    path: Path
    values: Any


@pytest.fixture(params=["run.json", "data.json", "described", "index.json", "evaluation"])
def reader(request: Any, tmp_path: Path) -> Reader:
    folder = RunFolder(tmp_path / "run")
    if request.param in {"run.json", "data.json"}:
        list(kept_in(folder, runs.events()))
        folder.data.write_text(json.dumps({"pairs": "8"}))
        path = folder.path / request.param
        return Reader(read_run, path, json.loads(path.read_text()))
    if request.param == "described":
        values = json.loads(external.shipped("experiment").read_text())
        return Reader(read_described, tmp_path / "other.json", values)
    if request.param == "evaluation":
        return Reader(read_evaluation, tmp_path / "evaluation.json", finished().table.as_json())
    return Reader(read_patches, tmp_path / INDEX, _index(tmp_path))


def _index(folder: Path) -> Any:
    write_halves(folder, scene(1))
    made(folder, folder, patch=64, stride=64)
    return json.loads((folder / INDEX).read_text())


@seed(1)
@FUZZ
@given(data=st.data())
def test_json_of_any_shape_is_read_or_refused_in_one_line(reader: Reader, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(list(paths_of(reader.values))))
    values = changed(reader.values, at, data.draw(JSON), remove=data.draw(st.booleans()))
    reader.path.write_text(json.dumps(values))
    refused_in_one_line(reader)


def refused_in_one_line(reader: Reader) -> None:
    said = answer(reader)
    assert said.isprintable()
    assert not said or str(reader.path.parent) in said


def answer(reader: Reader) -> str:
    """Return what is said of the file, nothing where it is read."""
    try:
        reader.read(reader.path)
    except CryodenError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_json_is_refused_with_the_name_of_the_file(reader: Reader, text: str) -> None:
    reader.path.write_text(text)
    with pytest.raises(CryodenError, match=str(reader.path.parent)):
        reader.read(reader.path)


def test_what_is_no_text_or_no_file_is_refused_and_not_waited_for(reader: Reader) -> None:
    reader.path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(CryodenError, match="UTF-8"):
        reader.read(reader.path)
    reader.path.unlink()
    os.mkfifo(reader.path)
    with pytest.raises(CryodenError, match="pipe"):
        reader.read(reader.path)
    reader.path.unlink()
    reader.path.mkdir()
    with pytest.raises(CryodenError, match="folder"):
        reader.read(reader.path)


@seed(1)
@FUZZ
@given(data=st.data())
def test_tables_of_losses_with_any_cell_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    list(kept_in(folder, runs.events()))
    lines = [line.split(",") for line in folder.metrics.read_text().splitlines()]
    line = data.draw(st.sampled_from(lines))
    cell = st.text(max_size=8) | st.sampled_from(
        ["nan", "inf", "1e999", "9" * 5000, '"', "x" * 200_000, "\0"]
    )
    line[data.draw(st.integers(0, len(line) - 1))] = data.draw(cell)
    text = "\n".join(map(",".join, lines))
    folder.metrics.write_text(text, encoding="utf-8", errors="replace")
    refused_in_one_line(Reader(read_run, folder.metrics, None))
    described = folder.path.with_suffix(".csv")
    described.write_text(text.replace("step_loss", "loss"), encoding="utf-8", errors="replace")
    refused_in_one_line(Reader(read_described, described, None))


@seed(1)
@FUZZ
@given(data=st.data())
def test_a_correctly_signed_model_of_any_metadata_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    weights = {name: value.numpy() for name, value in build("baseline", 0).state_dict().items()}
    values = json.loads(checkpoint.Model("baseline", weights, 1.5).description())
    at = data.draw(st.sampled_from(list(paths_of(values))))
    values = changed(values, at, data.draw(JSON), remove=data.draw(st.booleans()))
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    text = json.dumps(values)
    signed = checkpoint._fingerprint(text, weights)
    path.write_bytes(save(weights, {checkpoint.KEY: text, "sha256": signed}))
    refused_in_one_line(Reader(read_model, path, None))


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "F8_E5M2", "I64", "BOOL", "F64", "NONSENSE"])
def test_weights_of_another_number_format_are_refused(tmp_path: Path, kind: str) -> None:
    size = {"BF16": 2, "I64": 8, "F64": 8}.get(kind, 1)
    head = {"__metadata__": {"cryoden": "{}"}, "w": {"dtype": kind, "shape": [1], "data_offsets": [0, size]}}
    text = json.dumps(head).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(size))
    with pytest.raises(CryodenError, match=rf"M02  {path}"):
        checkpoint.load(path)


def test_a_model_that_does_not_fit_is_named(tmp_path: Path) -> None:
    model = checkpoint.Model("baseline", {"0.weight": np.zeros((1, 1), np.float32)}, None)
    checkpoint.write(model, tmp_path / "m.safetensors")
    with pytest.raises(CryodenError, match=rf"M06  {tmp_path / 'm.safetensors'} — "):
        read_model(tmp_path / "m.safetensors")


def test_one_described_run_that_is_wrong_hides_no_other(tmp_path: Path) -> None:
    good = json.loads(external.shipped("experiment").read_text())
    for name, more in {"good": {}, "bad": {"special": 3}, "worse": {"epoch_losses": ["x"]}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(good | more))
    list(kept_in(RunFolder(tmp_path / "run"), runs.events()))
    assert [run.place.name for run in compare.found(tmp_path)] == ["run", "good.json"]
    assert [run.name for run in record.found(tmp_path)] == ["run"]


def test_names_that_are_no_utf8_do_not_make_a_record_unreadable() -> None:
    assert typed_json.as_type(list[str], ["\udcff"]) == ["?"]
