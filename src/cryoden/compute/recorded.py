"""Work on a GPU that is recorded once and then started as a whole.

A micrograph takes a thousand small kernels. Started one by one they take the processor longer than the GPU;
as a CUDA graph all of them are started at once. What is recorded must wait for nothing and always
do the same, on inputs of one shape.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache, wraps
from threading import Lock, local
from typing import TypeVar

import torch
from torch import Tensor

Made = TypeVar("Made")
Work = Callable[..., tuple[Tensor, ...]]

WARM = 1  # calls before the one that is recorded, which takes as long as several
CLOSE = 1e-3  # of the largest value: recorded work differs by no more from the same work as it is
_RECORDING, _NOW = Lock(), local()


def constant(most: int) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """Return a decorator that keeps the values of a function's last calls, ``most`` of them.

    What is recorded uses them where they lie, and so keeps them as long as itself.
    """

    def decorated(make: Callable[..., Made]) -> Callable[..., Made]:
        cached = lru_cache(maxsize=most)(torch.inference_mode(False)(make))  # for those who learn, too

        @wraps(make)
        def found(*arguments: Hashable) -> Made:
            value = cached(*arguments)
            if (kept := getattr(_NOW, "kept", None)) is not None:
                kept.append(value)
            return value

        return found

    return decorated


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Put Python's search for garbage off: what is freed while work is recorded may wait for the GPU."""
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searches:
            gc.enable()


def _alike(one: Tensor, other: Tensor) -> bool:
    one, other = torch.nan_to_num(one), torch.nan_to_num(other)  # what is no number says nothing
    return bool(((one - other).abs().max() <= CLOSE * other.abs().max()).item())


class Recorder:
    """What several pieces of work that follow each other share: a stream, and memory.

    Parameters
    ----------
    device : torch.device
        Where nothing can be recorded, or it fails, the work is done as it is.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.records = device.type == "cuda"
        self._stream = torch.cuda.Stream(device) if self.records else None  # type: ignore[no-untyped-call]  # torch's
        # Its own: to give pages back torch asks after what their stream did, which fails while one records.
        self._apart = torch.cuda.Stream(device) if self.records else None  # type: ignore[no-untyped-call]  # torch's
        self._pool = torch.cuda.graph_pool_handle() if self.records else None

    def current(self) -> AbstractContextManager[object]:
        """Return the context in which work is recorded, and started."""
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def record(self, work: Work, inputs: tuple[Tensor, ...]) -> Recording | None:
        """Return recorded work; ``None`` where it cannot be, or does not give what it gives as it is."""
        found = None
        with _RECORDING, suppress(RuntimeError):
            found = self._compared(work, inputs)
        self.records = found is not None
        return found

    def _compared(self, work: Work, inputs: tuple[Tensor, ...]) -> Recording | None:
        wanted = work(*inputs)  # libraries begin in each thread anew, and constants are made
        torch.cuda.current_stream(self.device).synchronize()
        found = self._recording(work, inputs)
        return found if all(map(_alike, found.replayed(inputs), wanted)) else None

    def _recording(self, work: Work, inputs: tuple[Tensor, ...]) -> Recording:
        graph, kept = torch.cuda.CUDAGraph(), list[object]()
        with torch.cuda.stream(self._apart), _nothing_collected():
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            _NOW.kept = kept
            try:
                outputs = work(*inputs)
            finally:
                _NOW.kept = None
                graph.capture_end()
        return Recording(graph, inputs, outputs, kept)


@dataclass(frozen=True, eq=False)
class Recording:
    """Recorded work, where its inputs and results lie, and the constants it uses."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    kept: Sequence[object]

    def replayed(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Have the GPU begin the work."""
        for place, given in zip(self.inputs, inputs, strict=True):
            if place.data_ptr() != given.data_ptr():
                place.copy_(given)
        self.graph.replay()
        return self.outputs


class Recorded:
    """One piece of work; its results lie where they lay before and are overwritten by the next call.

    Parameters
    ----------
    work : callable
        From tensors to tensors.
    recorder : Recorder
        In whose context it is called.
    """

    def __init__(self, work: Work, recorder: Recorder) -> None:
        self._work, self._recorder = work, recorder
        self._calls = 0
        self._recording: Recording | None = None

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Do the work, or have the GPU begin it."""
        self._calls += 1
        if self._recording is None and self._recorder.records and self._calls > WARM:
            self._recording = self._recorder.record(self._work, inputs)
        return self._recording.replayed(inputs) if self._recording else self._work(*inputs)
