from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cryoden.compute.recorded import Recorded, Recorder

CPU, GPU = torch.device("cpu"), torch.device("cuda")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


def doubled(image: Tensor) -> tuple[Tensor, ...]:
    return image * 2, image.sum()


def waiting(image: Tensor) -> tuple[Tensor, ...]:
    return (image * float(image.sum()),)


@pytest.mark.parametrize("device", [CPU, pytest.param(GPU, marks=needs_gpu)])
@pytest.mark.parametrize("work", [doubled, waiting])
def test_each_call_is_of_its_own_inputs(device: torch.device, work) -> None:  # type: ignore[no-untyped-def]  # of tensors
    recorder = Recorder(device)
    recorded = Recorded(work, recorder)
    for number in range(5):
        image = torch.full((3, 4), float(number), device=device)
        with recorder.current(), torch.inference_mode():
            found = [each.clone() for each in recorded(image)]
        for one, wanted in zip(found, work(image), strict=True):
            torch.testing.assert_close(one, wanted)


def test_on_a_processor_nothing_is_recorded() -> None:
    assert not Recorder(CPU).records


@needs_gpu
def test_work_that_waits_is_done_as_it_is() -> None:
    recorder = Recorder(GPU)
    recorded = Recorded(waiting, recorder)
    for _ in range(3):
        with recorder.current(), torch.inference_mode():
            recorded(torch.ones(2, device=GPU))
    assert not recorder.records
