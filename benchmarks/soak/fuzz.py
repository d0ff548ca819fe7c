"""Bytes that nobody has thought of, for every reader of files that others have written.

    python -m pip install atheris
    python benchmarks/soak/fuzz.py [--seconds 3600] [--reader STAR cs] [--findings fuzz-findings]

With atheris (libFuzzer) inputs that reach new lines of the program are kept and changed further; without it
they are changed at random. Whatever is neither read nor refused in one line, takes 10 s, or takes 150 MB
more memory than a sound file, is written to the findings; the exit status is 1 then.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psutil

MORE_MEGABYTES, LONGEST = 150, 10
OWN = ["micrograph", "STAR", "cs", "model", "model's description", "run.json", "index.json"]


def fuzzed(kind: str, seconds: int, findings: Path) -> int:
    """Fuzz one reader in this process; return 1 where something was found."""
    has_atheris = importlib.util.find_spec("atheris") is not None
    if has_atheris:
        import atheris  # noqa: PLC0415  not installed everywhere

        with atheris.instrument_imports(include=["cryoden"]):
            from tests.cryoden.faults.readers import READERS  # noqa: PLC0415  instrumented
    else:
        from tests.cryoden.faults.readers import READERS  # noqa: PLC0415  as above
    with tempfile.TemporaryDirectory() as folder:
        path = READERS[kind].sample(Path(folder))
        whole = path.read_bytes()
        assert READERS[kind](path) in {"", "O14"}

        def read(data: bytes) -> None:
            path.write_bytes(data)
            READERS[kind](path)

        if not has_atheris:
            return at_random(read, whole, kind, seconds, findings)
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        (corpus / "sound").write_bytes(whole)
        most = psutil.Process().memory_info().rss // 2**20 + MORE_MEGABYTES
        own = [f"-max_total_time={seconds}", f"-timeout={LONGEST}", f"-rss_limit_mb={most}"]
        own += [f"-artifact_prefix={findings / kind.replace(' ', '-')}-"]
        own += [f"-max_len={max(8_192, 2 * len(whole))}", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *own, str(corpus)], read)
        atheris.Fuzz()  # ends the process
    return 0


def at_random(read: Callable[[bytes], None], whole: bytes, kind: str, seconds: float, findings: Path) -> int:
    """Change a sound file at random as long as that; return 1 where something was found."""
    draw, ends, tried, slowest = random.Random(0), time.monotonic() + seconds, 0, 0.0  # noqa: S311  no secret
    process = psutil.Process()
    idle = process.memory_info().rss
    while time.monotonic() < ends:
        data, began = _changed_at_random(whole, draw), time.process_time()
        try:
            read(data)
            _refuse_much(process.memory_info().rss - idle)
        except Exception:  # noqa: BLE001  whatever comes out is a finding
            (findings / f"{kind.replace(' ', '-')}-{tried}").write_bytes(data)
            traceback.print_exc()
            return 1
        tried, slowest = tried + 1, max(slowest, time.process_time() - began)
    more = (process.memory_info().rss - idle) / 1e6
    print(f"{kind}: {tried:,} inputs at random, the slowest {slowest:.2f} s, {more:+.0f} MB")
    return int(slowest > LONGEST)


def _changed_at_random(whole: bytes, draw: random.Random) -> bytes:
    from tests.cryoden.faults.changed_bytes import WORDS, Change, changed  # noqa: PLC0415  as above

    lost = [draw.randrange(10) if draw.random() < 0.9 else 1 << 40 for _ in range(draw.randrange(1, 6))]
    put = [draw.choice(WORDS) if draw.random() < 0.5 else draw.randbytes(4) for _ in lost]
    return changed(whole, [Change(draw.random(), *both) for both in zip(lost, put, strict=True)])


def _refuse_much(more: int) -> None:
    if more > MORE_MEGABYTES << 20:
        raise MemoryError(f"{more:,} bytes more than a sound file")


def main(arguments: list[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600, help="for each reader")
    parser.add_argument("--reader", nargs="*", default=OWN)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--here", action="store_true", help="in this process, of one reader")
    asked = parser.parse_args(arguments)
    asked.findings.mkdir(exist_ok=True)
    if asked.here:
        return fuzzed(asked.reader[0], asked.seconds, asked.findings.absolute())
    status = 0
    for kind in asked.reader:  # each in its own process, which atheris ends
        own = [sys.executable, __file__, "--here", "--reader", kind, "--seconds", str(asked.seconds)]
        ended = subprocess.run(  # noqa: S603  our own program
            [*own, "--findings", str(asked.findings)], stderr=subprocess.PIPE, text=True, check=False
        )
        print(f"{kind}: {'something was found' if ended.returncode else 'nothing was found'}")
        words = "Done", "stat::number", "stat::peak", "ERROR", "Error"
        print("\n".join(line for line in ended.stderr.splitlines() if any(word in line for word in words)))
        status |= bool(ended.returncode)
    return status


if __name__ == "__main__":
    sys.exit(main())
