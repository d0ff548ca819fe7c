"""Hidden files beside a result while it is made: whose they are, and what killed processes left of them."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import zlib
from contextlib import suppress
from pathlib import Path

from cryoden.io.claim import ENDING, is_running, release, this_process

LONGEST_NAME = 255  # bytes, on every common file system
PART = re.compile(r"\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.part$")


def hidden_beside(final: Path) -> Path:
    """Return a hidden name nothing has yet, in the same folder; it says which process writes there."""
    ending = f".{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part"
    room = LONGEST_NAME - len(ending) - 1
    return final.with_name("." + os.fsdecode(os.fsencode(final.name)[:room]) + ending)


def is_leftover(file: Path, final: Path) -> bool:
    """Tell whether a file is what a process left that was killed while it wrote ``final``."""
    return file.name.startswith(f".{final.name}.") and _is_nobodys(file.name)


def remove_leftovers(folder: Path) -> None:
    """Remove from a folder what killed processes left half-written, and their claims."""
    with suppress(OSError), os.scandir(folder) as entries:
        for path in [folder / entry.name for entry in entries if entry.name.startswith(".")]:
            _remove_if_nobodys(path)


def _remove_if_nobodys(path: Path) -> None:
    with suppress(OSError):
        if path.name.endswith(ENDING):
            release(path)
        elif _is_nobodys(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_nobodys(name: str) -> bool:
    """Tell by the name of a temporary file whether a process of this machine made it and runs no more."""
    found = PART.search(name)
    return bool(found and found["host"] == _host() and not is_running(this_process() | {"pid": found["pid"]}))


def _host() -> str:
    return f"{zlib.crc32(this_process()['host'].encode()):08x}"
