from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from cryoden.errors import ModelFileError
from cryoden.model.checkpoint import Model, _fingerprint, label_of, load, names_of, write


def model() -> Model:
    numbers = np.random.default_rng(0)
    weights = {"a.weight": numbers.normal(size=(3, 4)).astype(np.float32), "b": np.array([1, 2], np.float32)}
    return Model("baseline", weights, 0.85, {"files": ["x.mrc"], "history": [{"loss": None}]}, 4.0)


def test_a_model_comes_back_bit_for_bit(tmp_path: Path) -> None:
    write(model(), tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert (again.network, again.pixel_size, again.working_pixel) == ("baseline", 0.85, 4.0)
    assert again.provenance == model().provenance
    assert all(np.array_equal(again.weights[name], value) for name, value in model().weights.items())
    assert again.sha256 == model().sha256


def test_weights_may_be_kept_in_half_the_bytes(tmp_path: Path) -> None:
    write(model(), tmp_path / "m.safetensors")
    write(model(), tmp_path / "half.safetensors", half=True)
    again = load(tmp_path / "half.safetensors")
    whole, half = ((tmp_path / name).stat().st_size for name in ("m.safetensors", "half.safetensors"))
    assert whole - half == 2 * sum(values.size for values in model().weights.values())
    assert {values.dtype for values in again.weights.values()} == {np.dtype(np.float32)}
    for name, values in model().weights.items():
        assert np.array_equal(again.weights[name], values.astype(np.float16))
    write(again, tmp_path / "again.safetensors", half=True)
    assert load(tmp_path / "again.safetensors").sha256 == again.sha256


def test_weights_too_large_for_half_the_bytes_are_refused(tmp_path: Path) -> None:
    large = Model("baseline", {"a": np.array([1, 1e6], np.float32)}, None)
    with pytest.raises(ModelFileError, match=r"M05 .*weights of a are not finite"):
        write(large, tmp_path / "m.safetensors", half=True)


def test_a_model_file_of_the_older_format_is_refused_by_its_number(tmp_path: Path) -> None:
    description = model().description().replace("cryoden-2", "cryoden-1")
    metadata = {"cryoden": description, "sha256": _fingerprint(description, model().weights)}
    save_file(dict(model().weights), tmp_path / "m.safetensors", metadata)
    with pytest.raises(ModelFileError, match=r"M03 .*found cryoden-1, expected cryoden-2"):
        load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999"])
def test_a_model_file_whose_description_holds_no_finite_number_is_refused(
    tmp_path: Path, number: str
) -> None:
    description = model().description().replace("null", number)
    assert number in description
    metadata = {"cryoden": description, "sha256": _fingerprint(description, model().weights)}
    save_file(dict(model().weights), tmp_path / "m.safetensors", metadata)
    with pytest.raises(ModelFileError, match=r"M02 .*Copy it again"):
        load(tmp_path / "m.safetensors")


def test_a_flipped_bit_anywhere_is_found(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write(model(), path)
    whole = path.read_bytes()
    for position in range(8, len(whole), 7):
        broken = bytearray(whole)
        broken[position] ^= 1 << position % 8
        path.write_bytes(broken)
        with pytest.raises(ModelFileError, match=r"M0[234]  .*m\.safetensors"):
            load(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_model_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "m.safetensors"
    write(model(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ModelFileError, match=r"M02 .*not a complete model file"):
        load(path)


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"M01 .*none\.safetensors — no such model file"):
        load(tmp_path / "none.safetensors")


def test_a_safetensors_file_of_another_program_is_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "other.safetensors", {"format": "pt"})
    with pytest.raises(ModelFileError, match=r"M02 .*another program"):
        load(tmp_path / "other.safetensors")


def test_weights_that_are_not_numbers_are_never_written(tmp_path: Path) -> None:
    broken = Model("baseline", {"a": np.array([1, np.nan], np.float32)}, None)
    with pytest.raises(ModelFileError, match=r"M05 .*weights of a are not finite"):
        write(broken, tmp_path / "m.safetensors")
    assert not (tmp_path / "m.safetensors").exists()


def test_a_model_is_called_by_its_file_or_its_run_and_two_of_one_name_by_the_folders_above() -> None:
    paths = [
        Path(name)
        for name in (
            "best.safetensors",
            "runs/a/model.safetensors",
            "old/a/model.safetensors",
            "b/model.safetensors",
        )
    ]
    assert list(names_of(paths).values()) == ["best", "runs/a", "old/a", "b"]
    twins = [Path("x/best.safetensors"), Path("y/best.safetensors")]
    assert list(names_of(twins).values()) == ["x/best", "y/best"]


def test_a_label_names_a_run_by_its_folder_and_a_name_that_was_read_from_a_label_as_it_is() -> None:
    assert label_of(Path("/runs/tuesday/model.safetensors")) == "tuesday"
    assert label_of(Path("/models/mine.safetensors")) == "mine.safetensors"
    assert label_of(Path("model.safetensors")) == "model.safetensors"
