from __future__ import annotations

from typing import Any

import mrcfile
import numpy as np
import pytest

from cryoden.model.verdict import verdict_of
from napari_cryoden.jobs.derived_layers import DerivedLayersJob
from napari_cryoden.layers.canvas import HIDDEN
from napari_cryoden.layers.plane import pixel_size
from tests.napari_cryoden import runs


@pytest.fixture
def denoise(docked: Any) -> Any:
    dock = docked("Denoise")[1]
    dock.both.setChecked(False)  # halves one by one
    return dock


def test_the_dock_says_what_is_missing(denoise: Any, viewer: Any, noise: Any, tmp_path: Any) -> None:
    assert denoise.denoise_button.toolTip() == "Open a micrograph first"
    viewer.add_image(noise, name="m1")
    assert denoise.denoise_button.isEnabled(), "the general model serves until another is chosen"
    denoise.model.path = None
    assert denoise.denoise_button.toolTip() == "Choose a model file, or train a model"
    denoise.model.path = tmp_path / "none.safetensors"
    assert "No such model file" in denoise.denoise_button.toolTip()
    assert not denoise.denoise_button.isEnabled()


def test_the_result_lies_beside_the_raw_layer(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    raw, *others = add_halves()
    denoise.model.path = model
    denoise.layer.layer = raw
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
        assert not denoise.denoise_button.isEnabled()
    result = denoise.denoising.result
    assert result.name == "m1_EVN · denoised"
    np.testing.assert_array_equal(result.scale, raw.scale)
    assert result.units == raw.units
    assert result.data.std() < raw.data.std() / 2
    assert [layer.visible for layer in (raw, result, *others)] == [True, True, False, False, False]
    assert viewer.canvas.grid.enabled
    assert result.metadata["cryoden"]["model"] == str(model)
    denoise.compare_button.click()
    assert not viewer.canvas.grid.enabled
    denoise.compare_button.click()
    assert viewer.canvas.grid.enabled


def test_what_was_taken_away_is_added_when_it_is_asked_for(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any
) -> None:
    raw, *_ = add_halves()
    denoise.model.path, denoise.layer.layer = model, raw
    denoise.also_residual.setChecked(True)
    with qtbot.waitSignal(DerivedLayersJob.of(viewer).ended):
        denoise.denoise_button.click()
    added = viewer.layers["m1_EVN · residual"]
    assert denoise.denoising.comparison.layers[-1] is added  # in a cell of its own
    np.testing.assert_allclose(added.data, raw.data - denoise.denoising.result.data, atol=1e-4)
    assert added.contrast_limits[0] == -added.contrast_limits[1]


def test_a_result_is_also_written_with_the_header_of_its_source(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any, tmp_path: Any
) -> None:
    source = tmp_path / "grid 1.mrc"
    add_halves()[0].save(str(source), plugin="napari-cryoden")
    viewer.layers.clear()
    (raw,) = viewer.open(source, plugin="napari-cryoden")
    denoise.model.path = model
    denoise.also_file.setChecked(True)
    assert denoise.output.path == tmp_path / "grid 1_denoised.mrc"
    with qtbot.waitSignal(denoise.denoising.ended) as ended:
        denoise.denoise_button.click()
    assert str(denoise.output.path) in ended.args[0]
    with mrcfile.open(tmp_path / "grid 1_denoised.mrc") as file:
        np.testing.assert_array_equal(file.data, denoise.denoising.result.data)
        assert float(file.voxel_size.x) == pytest.approx(raw.scale[0])
        assert "raw micrograph saved from napari" in str(file.header.label)


def test_what_is_odd_about_a_result_is_told_with_its_layer_and_nothing_twice(
    qtbot: Any, denoise: Any, viewer: Any, write_mrc: Any, model: Any, remarks: Any
) -> None:
    pixels = runs.halves("m", 3, 256).even.window(0, 0, 256, 256)
    pixels[:8, :8] = 1e6
    hot = write_mrc("hot.mrc", pixels, 2.0)  # as the model was trained
    with hot.open("ab") as file:
        file.write(bytes(5))
    (raw,) = viewer.open(hot, plugin="napari-cryoden")
    assert [line.split(": ")[0] for line in remarks] == [f"{hot} — F04"]
    denoise.model.path = model
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    clipped = "F26: 64 pixels beyond"
    assert [line[: 6 + len(clipped)] for line in remarks[1:]] == [f"hot — {clipped}"]
    noted = denoise.denoising.result.metadata["cryoden"]["warnings"]
    assert noted[:-1] == raw.metadata["cryoden"]["warnings"]
    assert str(noted[-1]).startswith(clipped)


def test_an_output_that_exists_is_refused_and_kept(
    qtbot: Any, denoise: Any, add_halves: Any, model: Any, tmp_path: Any, notices: Any
) -> None:
    add_halves()
    denoise.model.path = model
    denoise.also_file.setChecked(True)
    denoise.output.path = tmp_path / "there.mrc"
    (tmp_path / "there.mrc").write_bytes(b"precious")
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert notices[0].startswith("O05")
    assert (tmp_path / "there.mrc").read_bytes() == b"precious"
    assert denoise.denoising.result is None
    assert denoise.denoise_button.isEnabled()


def test_a_foreign_model_file_is_told_in_one_line(
    qtbot: Any, denoise: Any, add_halves: Any, tmp_path: Any, notices: Any
) -> None:
    add_halves()
    denoise.model.path = tmp_path / "photo.safetensors"
    denoise.model.path.write_bytes(b"GIF89a" * 100)
    denoise.follow()
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    (line,) = notices
    assert str(tmp_path / "photo.safetensors") in line
    assert "\n" not in line
    assert denoise.denoise_button.isEnabled()


def test_a_layer_that_is_refused_is_named_in_the_status_line_too(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any, notices: Any
) -> None:
    add_halves()
    denoise.model.path = model
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert denoise.status.text().startswith("Done")
    denoise.layer.layer = viewer.add_image(np.zeros((40, 50, 3), np.uint8), name="photo")
    denoise.denoise_button.click()
    assert notices[0].startswith("F32  layer 'photo' is 40×50×3, an RGB color image")
    assert denoise.status.text() == notices[0]
    assert not denoise.denoising.running


def test_of_a_stack_the_section_in_view_is_denoised(
    qtbot: Any, denoise: Any, viewer: Any, model: Any
) -> None:
    sections = [runs.halves("m", seed, 256).even.window(0, 0, 256, 256) for seed in (1, 2, 3)]
    stack = viewer.add_image(np.stack(sections), name="stack")
    denoise.model.path = model
    viewer.dims.set_current_step(0, 2)
    assert "section 2 of 0 to 2" in denoise.denoise_button.toolTip()
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
        viewer.dims.set_current_step(0, 0)
    result = denoise.denoising.result
    assert result.data_to_world((0, 0, 0))[0] == stack.data_to_world((2, 0, 0))[0]
    assert np.corrcoef(result.data.ravel(), sections[2].ravel())[0, 1] > 0.05
    assert "section 2" in denoise.status.text()


@pytest.mark.parametrize("role", ["preview", "residual", "denoised"])
def test_what_was_made_of_a_micrograph_is_not_offered_in_place_of_it(
    docked: Any, viewer: Any, noise: Any, role: str
) -> None:
    viewer.add_image(noise, name="m0")
    raw = viewer.add_image(noise, name="m1")
    made_of = {"role": role, "raw_id": raw.unique_id}
    viewer.add_image(noise, name="not named after it", metadata={"cryoden": made_of})
    assert docked("Denoise")[1].layer.layer is raw


def test_where_nothing_but_results_is_open_none_is_offered(docked: Any, viewer: Any, noise: Any) -> None:
    viewer.add_image(noise, name="m1 · denoised", metadata={"cryoden": {"role": "denoised"}})
    denoise = docked("Denoise")[1]
    assert denoise.layer.layer is None
    assert not denoise.denoise_button.isEnabled()


def test_an_image_of_noise_is_said_to_hold_almost_nothing(
    qtbot: Any, denoise: Any, viewer: Any, remarks: list[str]
) -> None:
    viewer.add_image(np.random.default_rng(5).normal(0, 1, (384, 384)).astype(np.float32), name="noise")
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()  # with the general model
    assert "almost nothing found" in denoise.status.text()
    assert any("almost nothing found" in line for line in remarks)
    result = denoise.denoising.result
    low, high = result.contrast_limits
    assert high - low > 10 * result.data.std()


def test_a_layer_unlike_what_the_model_was_trained_on_is_said_to_be(
    qtbot: Any, denoise: Any, viewer: Any, remarks: list[str]
) -> None:
    """Detail of 12 to 30 Å far above the noise, and nothing else."""
    noise = np.random.default_rng(0).standard_normal((384, 384), np.float32)
    frequency = np.hypot(np.fft.fftfreq(384)[:, None], np.fft.rfftfreq(384)[None])
    shaped = np.fft.rfft2(noise) * np.where((frequency > 1 / 30) & (frequency < 1 / 12), 8, 1)
    viewer.add_image(np.fft.irfft2(shaped, s=noise.shape).astype(np.float32), name="odd")
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()  # with the general model, at 1 Å/px
    assert "training hardly covers spectra like this one" in denoise.status.text()
    assert any("finer than 56 Å (detail, dose)" in line for line in remarks)


def test_a_model_that_validation_advises_against_is_named_with_its_verdict(
    qtbot: Any, denoise: Any, add_halves: Any, model: Any
) -> None:
    add_halves()
    denoise.model.path = model
    verdict = verdict_of(model)
    assert verdict is not None
    assert denoise.model.verdict.toolTip() == verdict.words
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert denoise.denoising.result.metadata["cryoden"]["verdict"] == verdict.words
    assert (f"{verdict.words} (model)" in denoise.status.text()) == (verdict.level == "bad")


def test_a_pixel_size_that_no_header_says_is_given_in_the_dock(
    qtbot: Any, denoise: Any, viewer: Any, write_mrc: Any, model: Any, tmp_path: Any
) -> None:
    half = runs.halves("m", 1, 256).even.window(0, 0, 256, 256)
    known, unknown = (
        viewer.open(write_mrc(name, half, size), plugin="napari-cryoden")[0]
        for name, size in (("known.mrc", 2.0), ("unknown.mrc", None))
    )
    denoise.model.path = model
    denoise.layer.layer = known
    assert not denoise.pixel_size.isVisible()
    denoise.layer.layer = unknown
    assert denoise.pixel_size.isVisible()
    denoise.pixel_size.setValue(2.0)
    denoise.also_file.setChecked(True)
    denoise.output.path = tmp_path / "result.mrc"
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    assert pixel_size(denoise.denoising.result) == pixel_size(unknown) == 2.0
    with mrcfile.open(tmp_path / "result.mrc") as file:
        assert float(file.voxel_size.x) == pytest.approx(2.0)
    assert not denoise.pixel_size.isVisible()


def test_a_result_that_is_opened_again_is_a_result_of_its_micrograph(
    qtbot: Any, denoise: Any, write_pair: Any, model: Any, tmp_path: Any, docked: Any
) -> None:
    write_pair("m1", 1)
    viewer = denoise.viewer
    halves = [viewer.open(tmp_path / f"m1_{half}.mrc", plugin="napari-cryoden")[0] for half in ("EVN", "ODD")]
    denoise.model.path = model
    for raw, how in zip(halves, ("written", "saved"), strict=True):
        denoise.layer.layer = raw
        denoise.also_file.setChecked(how == "written")
        with qtbot.waitSignal(denoise.denoising.ended):
            denoise.denoise_button.click()
        if how == "saved":  # from the layer list, as napari does
            denoise.denoising.result.save(str(tmp_path / f"{raw.name}_denoised.mrc"), plugin="napari-cryoden")
        viewer.layers.remove(denoise.denoising.result)
    again = [viewer.open(tmp_path / f"{raw.name}_denoised.mrc", plugin="napari-cryoden")[0] for raw in halves]
    assert [layer.name for layer in again] == ["m1_EVN · denoised", "m1_ODD · denoised"]
    assert {layer.metadata["cryoden"]["model"] for layer in again} == {model.parent.name}
    evaluate = docked("Evaluate")[1]
    assert [evaluate.denoised_even.layer, evaluate.denoised_odd.layer] == again
    viewer.layers.remove(halves[0])
    viewer.layers.remove(halves[1])
    assert docked("Denoise")[1].layer.layer is None


def test_of_two_open_halves_the_sum_is_denoised_unless_one_is_wanted_alone(
    qtbot: Any, docked: Any, viewer: Any, add_halves: Any, model: Any, tmp_path: Any
) -> None:
    even, odd, *_ = add_halves()
    dock = docked("Denoise")[1]
    dock.model.path, dock.layer.layer = model, odd
    assert (dock.both.isHidden(), dock.both.isChecked()) == (False, True)
    assert dock.denoise_button.toolTip().startswith("Denoise the sum of both halves")
    assert dock.output.path.name == "m1_denoised.mrc"
    dock.also_file.setChecked(True)
    dock.output.path = tmp_path / "m1_denoised.mrc"
    for _ in range(2):
        with qtbot.waitSignal(dock.denoising.ended):
            dock.denoise_button.click()
        dock.also_file.setChecked(False)
    names = [layer.name for layer in viewer.layers]
    assert names.count("m1 · sum") == 1, "the sum that is there serves again"
    raw = next(layer for layer in viewer.layers if layer.name == "m1 · sum")
    np.testing.assert_allclose(raw.data, even.data + odd.data)
    assert dock.denoising.raw is raw
    assert dock.denoising.result.name.startswith("m1 · sum · denoised")
    with mrcfile.open(tmp_path / "m1_denoised.mrc") as file:
        np.testing.assert_allclose(file.data, viewer.layers["m1 · sum · denoised"].data, rtol=1e-3)
    dock.layer.layer = raw
    assert dock.both.isHidden()


@pytest.mark.parametrize("which", ["raw", "result"])
def test_what_was_deleted_cannot_be_compared(
    qtbot: Any, denoise: Any, viewer: Any, add_halves: Any, model: Any, which: str
) -> None:
    add_halves()
    denoise.model.path = model
    with qtbot.waitSignal(denoise.denoising.ended):
        denoise.denoise_button.click()
    denoise.denoising.comparison.leave()
    viewer.layers.remove(getattr(denoise.denoising, which))
    denoise.follow()
    assert not denoise.compare_button.isEnabled()
    denoise._compare(True)
    assert not denoise.denoising.comparison.active


def test_a_sum_that_is_denoised_beside_a_comparison_is_seen_with_its_result_and_nothing_else_is_said(
    qtbot: Any, docked: Any, viewer: Any, add_halves: Any, model: Any, remarks: Any
) -> None:
    even, _, *others = add_halves()
    dock = docked("Denoise")[1]
    dock.model.path, dock.layer.layer = model, even
    dock.denoising.comparison.show(*others)
    with qtbot.waitSignal(dock.denoising.ended):
        dock.denoise_button.click()
    assert viewer.layers["m1 · sum"].visible
    assert not [one for one in remarks if HIDDEN in one]
    dock.denoising.comparison.leave()
    assert viewer.layers["m1 · sum"].visible
