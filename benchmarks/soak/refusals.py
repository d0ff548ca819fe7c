"""How long a bad file takes to be refused, and how much memory.

    python benchmarks/soak/refusals.py [--times 5]

Each file of the zoo that is refused, whatever its header claims, is read in a process of its own in which
the same kind of file was read before. Prints processor time and the growth of memory, largest first, and
exits with 1 where one takes 100 ms or 150 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from cryoden.errors import MicrographError
from cryoden.formats.micrographs import read
from tests.cryoden.faults.zoo import REFUSED

MOST_SECONDS, MOST_MB = 0.1, 150.0


def refused(path: Path, times: int) -> tuple[float, float]:
    """Return seconds of the processor, the least of several times, and MB that the most had been more."""
    with contextlib.suppress(MicrographError):
        read(path)  # modules for its kind are loaded here
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, json.dumps(_measured(path, times)).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        seconds, megabytes = json.loads(pipe.read() or "[1e9, 1e9]")
    return seconds, megabytes


def _measured(path: Path, times: int) -> tuple[float, float]:
    before, seconds = _most(), []
    for _ in range(times):
        began = time.process_time()
        with contextlib.suppress(MicrographError):
            read(path)
            return 1e9, 1e9  # it was not refused
        seconds.append(time.process_time() - began)
    return min(seconds), _most() - before


def _most() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, fault in enumerate(REFUSED):
            path = Path(folder) / f"{number}_{fault.name}"
            fault.make(path)
            rows.append((*refused(path, asked.times), str(fault)))
    for seconds, megabytes, name in sorted(rows, reverse=True):
        print(f"{1000 * seconds:7.2f} ms {megabytes:7.2f} MB  {name}")
    times, sizes, _ = zip(*rows, strict=True)
    print(f"{len(rows)} files, at most {1000 * max(times):.1f} ms of processor time and {max(sizes):.1f} MB")
    return int(max(times) > MOST_SECONDS or max(sizes) > MOST_MB)


if __name__ == "__main__":
    sys.exit(main())
