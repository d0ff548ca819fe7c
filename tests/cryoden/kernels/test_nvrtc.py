"""Kernels are compiled where they run; here without a GPU, for every generation, where NVRTC is installed."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cryoden.kernels import fused_baseline, image_passes, noisy_pairs, nvrtc
from cryoden.model import float16_layers, float16_unet

SOURCES = [each.SOURCE for each in (fused_baseline, image_passes, noisy_pairs, float16_layers, float16_unet)]
GENERATIONS = [(8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0)]


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a torch that was built for CUDA, as far as NVRTC is concerned; skip without any NVRTC."""
    packages = Path(torch.__file__).parents[1]
    found = sorted(path.name.split(".so.")[1] for path in packages.glob("nvidia/*/lib/libnvrtc.so.*"))
    if not found:
        pytest.skip("needs NVRTC: pip install nvidia-cuda-nvrtc")
    monkeypatch.setattr(torch.version, "cuda", torch.version.cuda or found[-1])
    nvrtc._compiler.cache_clear()
    yield
    nvrtc._compiler.cache_clear()
    nvrtc._compiled.cache_clear()


def known() -> list[int]:
    """Return the generations that this NVRTC compiles for."""
    number = ctypes.c_int()
    nvrtc._compiler().nvrtcGetNumSupportedArchs(ctypes.byref(number))
    found = (ctypes.c_int * number.value)()
    nvrtc._compiler().nvrtcGetSupportedArchs(found)
    return list(found)


@pytest.mark.parametrize("capability", GENERATIONS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.usefixtures("compiler")
def test_every_source_compiles_for_every_generation(source: str, capability: tuple[int, int]) -> None:
    if 10 * capability[0] + capability[1] not in known():
        pytest.skip("needs a newer NVRTC")
    assert nvrtc._compiled(source, capability, exact=capability in {(8, 0), (9, 0)})[:4] == b"\x7fELF"


@pytest.mark.usefixtures("compiler")
def test_what_does_not_compile_is_said_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / nvrtc.HEADER).write_bytes(b"")
    (tmp_path / "wrong.cu").write_text("__device__ int one;\n__device__ int two = nothing;\n")
    monkeypatch.setattr(nvrtc, "PACKAGES", tmp_path)
    with pytest.raises(RuntimeError, match=r"NVRTC: wrong.cu\(2\).*nothing"):
        nvrtc._compiled("wrong.cu", (8, 0), exact=False)
