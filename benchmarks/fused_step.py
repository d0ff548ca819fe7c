"""The fused training step beside stock torch: images per second, memory, and whether the losses agree.

    python benchmarks/fused_step.py [--edge 1024] [--batch 4] [--rounds 9]

Needs an NVIDIA GPU. Data lie on the GPU; batches of random noisy images are taken in turn; the ways
alternate, and medians are told with their range. The losses of an epoch of 400 steps on one stream are
compared with float32 without TensorFloat-32.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from cryoden.kernels.fused_baseline import FusedBaseline, available
from cryoden.model.networks import Baseline

GPU = torch.device("cuda")
BATCHES = 8
CURVE = 400
Pair = tuple[Tensor, Tensor]
Step = Callable[[int], None]


def images(number: int, edge: int) -> Pair:
    """Return noisy and smooth images in [0, 1]."""
    coarse = torch.rand(number, 1, max(edge // 16, 2), max(edge // 16, 2), device=GPU)
    smooth = functional.interpolate(coarse, size=(edge, edge), mode="bicubic").clamp(0, 1)
    return (torch.poisson(smooth * 100) / 100 + 0.05 * torch.randn_like(smooth)).clamp(0, 1), smooth


def network(seed: int) -> Baseline:
    """Return the baseline with fresh weights, on the GPU."""
    torch.manual_seed(seed)
    return Baseline().to(GPU)


def torch_step(batches: list[Pair], kind: str) -> Step:
    """Return a step of stock torch: "float32", "tf32" or "bfloat16" (channels last)."""
    net = network(0)
    low = kind == "bfloat16"
    net = net.to(memory_format=torch.channels_last) if low else net
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)

    def step(number: int) -> None:
        torch.backends.cudnn.allow_tf32 = kind == "tf32"
        noisy, target = batches[number % BATCHES]
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=low):
            output = net(noisy)
        functional.mse_loss(output.float(), target).backward()
        optimizer.step()

    return step


def compiled_step(batches: list[Pair]) -> Step:
    """Return bfloat16, channels last, compiled and replayed as one CUDA graph: the best of stock torch."""
    net = network(0).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    noisy, target = (part.clone() for part in batches[0])

    @torch.compile
    def loss_of(noisy: Tensor, target: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16):
            output = net(noisy)
        return functional.mse_loss(output.float(), target)

    def once() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_of(noisy, target).backward()
        optimizer.step()

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            once()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        once()

    def step(number: int) -> None:
        noisy.copy_(batches[number % BATCHES][0])
        target.copy_(batches[number % BATCHES][1])
        graph.replay()

    return step


def seconds(step: Step, count: int) -> float:
    """Return seconds a step by CUDA events."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for number in range(count):
        step(number)
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1000 / count


def peak(step: Step) -> float:
    """Return the MiB a step needs beyond what lies there before."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step(0)
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def timed(number: int, edge: int, rounds: int) -> None:
    """Time all ways in alternation."""
    batches = [images(number, edge) for _ in range(BATCHES)]
    fused = FusedBaseline(network(0), GPU)
    ways: dict[str, tuple[Step, int]] = {
        "fused": (lambda at: fused.step(*batches[at % BATCHES], 1e-3), 200),
        "fused, forward only": (lambda at: void(fused.forward(batches[at % BATCHES][0])), 200),
    }
    ways |= {kind: (torch_step(batches, kind), 10) for kind in ("float32", "tf32", "bfloat16")}
    try:
        ways["bfloat16, compiled, CUDA graph"] = (compiled_step(batches), 20)
    except RuntimeError as error:
        print(f"no compiled way here: {str(error).splitlines()[0]}")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for step, _ in ways.values():
        seconds(step, 3)
    for _ in range(rounds):
        for name, (step, count) in ways.items():
            times[name].append(seconds(step, count))
    report(times, {name: peak(step) for name, (step, _) in ways.items()}, number, edge)


def void(tensor: Tensor) -> None:
    """Take a tensor and give nothing."""
    del tensor


def report(times: dict[str, list[float]], memory: dict[str, float], number: int, edge: int) -> None:
    """Print a row for each way; ratios are to float32 of the same run."""
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, batches of {number} × {edge} × {edge}")
    reference = statistics.median(times["float32"])
    for name, found in times.items():
        middle, low, high = statistics.median(found), number / max(found), number / min(found)
        words = (
            f"{number / middle:9,.0f} images/s ({low:,.0f}..{high:,.0f}), {reference / middle:5.1f} × float32"
        )
        print(f"{name:32}{words}, + {memory[name]:,.0f} MiB")


def curve(rate: float) -> None:
    """Print by how much the losses of one stream of batches differ at most."""
    net, fused = network(4), FusedBaseline(network(4), GPU)
    optimizer, expected = torch.optim.SGD(net.parameters(), lr=rate), []
    torch.backends.cudnn.allow_tf32 = False
    for _ in range(CURVE):
        noisy, target = images(4, 256)
        optimizer.zero_grad()
        loss = functional.mse_loss(net(noisy), target)
        loss.backward()
        optimizer.step()
        expected.append(loss.detach())
        fused.step(noisy, target, rate)
    wanted, found = torch.stack(expected), fused.losses()
    worst = float(((found - wanted) / wanted).abs().max())
    words = f"loss {wanted[0]:.4f} → {wanted[-1]:.5f}, fused {found[-1]:.5f}"
    print(f"{CURVE} steps at rate {rate}: {words}, worst step {worst:.1e} apart")


def main() -> None:
    """Compare losses, then time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edge", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    if available():
        sys.exit(f"The fused step cannot be used: {available()}")
    for rate in (1e-3, 1e-2):
        curve(rate)
    timed(asked.batch, asked.edge, asked.rounds)


if __name__ == "__main__":
    main()
