from __future__ import annotations

import traceback
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch

from cryoden.compute import devices
from cryoden.errors import SettingsError, in_words
from cryoden.events.training import TrainingFinished
from cryoden.micrograph import HalfPair
from cryoden.settings.training import TrainingSettings
from cryoden.simulation import exposure
from cryoden.simulation.scene import Scene
from cryoden.workflows import train_model


def test_auto_finds_a_device_and_names_it() -> None:
    device = devices.resolve("auto")
    assert device.type in {"cuda", "mps", "cpu"}
    assert len(devices.describe(device)) > 2


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(SettingsError, match=rf"S02  device = {absent} is not there \(found: .*cpu"):
        devices.resolve(absent)


@pytest.mark.parametrize("name", ["cuda:999", "999"])
def test_a_gpu_that_is_not_there_is_refused_with_the_devices_that_are(name: str) -> None:
    with pytest.raises(SettingsError, match=r"S02  device = cuda:999 is not there \(found: .*cpu\)"):
        devices.resolve(name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_is_chosen_by_its_number_and_told_with_it() -> None:
    last = torch.cuda.device_count() - 1
    for name in (f"cuda:{last}", str(last)):
        device = devices.resolve(name)
        assert (device.type, device.index) == ("cuda", last)
        assert devices.describe(device).endswith(f"(cuda:{last})")


def test_a_named_number_format_is_taken_as_it_is() -> None:
    cpu = torch.device("cpu")
    assert devices.number_format("float32", cpu) is torch.float32
    assert devices.number_format("bfloat16", cpu) is torch.bfloat16
    assert devices.number_format("auto", cpu) in {torch.float32, torch.bfloat16}


def test_denoising_takes_float16_on_an_nvidia_gpu_and_float32_elsewhere() -> None:
    formats = {name: devices.denoising_format("auto", torch.device(name)) for name in ("cuda", "cpu", "mps")}
    assert formats == {"cuda": torch.float16, "cpu": torch.float32, "mps": torch.float32}
    assert devices.denoising_format("bfloat16", torch.device("cuda")) is torch.bfloat16


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_pixels_come_back_from_a_device_bit_for_bit(kind: Literal["cpu", "cuda"]) -> None:
    if kind == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    pixels = np.random.default_rng(0).normal(size=(37, 50)).astype(np.float32)
    fixed = pixels.copy()
    fixed.flags.writeable = False
    for given in (pixels, pixels[:, ::2], fixed):
        image = devices.sent(given, devices.resolve(kind))
        assert image.device.type == kind
        assert np.array_equal(devices.fetched(image), given)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("x"), MemoryError(), RuntimeError("can't allocate memory: y")]
)
def test_running_out_of_memory_is_caught_however_it_is_told(error: Exception) -> None:
    with devices.out_of_memory_caught():
        raise error


def test_other_errors_pass_the_out_of_memory_net() -> None:
    with pytest.raises(RuntimeError, match="shape"), devices.out_of_memory_caught():
        raise RuntimeError("shape mismatch")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_after_running_out_of_gpu_memory_the_next_run_works_and_memory_is_back() -> None:
    pairs = [exposure.simulated(Scene(edge=2048, particles=60, seed=s), f"m{s}") for s in (1, 2)]
    # All but 4 GiB is somebody else's, and a first run has loaded what stays.
    few = TrainingSettings(device="cuda", epochs=1, steps_per_epoch=2, batch=2, patch=128)
    list(train_model.train_halves(pairs, None, few))
    devices.give_back()
    before = torch.cuda.memory_reserved()
    taken = torch.empty(max(0, torch.cuda.mem_get_info()[0] - (4 << 30)), dtype=torch.uint8, device="cuda")
    too_much = replace(few, batch=1024, patch=512)
    assert _failed(pairs, too_much).startswith("T06")
    devices.give_back()
    assert torch.cuda.memory_reserved() - taken.numel() <= before + (32 << 20)
    *_, ended = train_model.train_halves(pairs, None, few)
    assert isinstance(ended, TrainingFinished)


def _failed(pairs: list[HalfPair], settings: TrainingSettings) -> str:
    try:
        list(train_model.train_halves(pairs, None, settings))
    except RuntimeError as error:
        traceback.clear_frames(error.__traceback__)  # as the viewer's worker does: they hold tensors
        return in_words(error)
    return ""


def test_two_that_compute_at_once_do_not_take_the_flags_from_each_other() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    one, other = devices.reproducible(), devices.reproducible()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.deterministic
    other.__exit__(None, None, None)
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic) == before


def test_without_onednn_as_on_apple_silicon_a_number_format_is_chosen_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    assert devices.number_format("auto", torch.device("cpu")) == torch.float32


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """What becomes the current GPU, on a machine that seems to have two."""
    current: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a GPU")
    return current


@pytest.mark.parametrize("name", ["cuda:1", "1", "01"])
def test_the_second_of_two_gpus_becomes_the_current_one_and_is_named(
    two_gpus: list[torch.device], name: str
) -> None:
    chosen = devices.resolve(name)
    assert two_gpus == [chosen] == [torch.device("cuda", 1)]
    assert devices.describe(chosen) == "a GPU (cuda:1)"


@pytest.mark.usefixtures("two_gpus")
def test_a_third_of_two_gpus_is_refused_with_both() -> None:
    with pytest.raises(SettingsError, match=r"S02  device = cuda:2 is not there \(found: cuda:0, cuda:1,"):
        devices.resolve("2")


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_a_gpu_without_a_number_is_the_first_whichever_was_used_before(
    two_gpus: list[torch.device], name: str
) -> None:
    devices.resolve("cuda:1")
    assert devices.resolve(name) == two_gpus[-1] == torch.device("cuda", 0)
