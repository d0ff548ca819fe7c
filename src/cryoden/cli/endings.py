"""How a command ends: its exit status, and its last words."""

from __future__ import annotations

import sys
from contextlib import suppress

DONE, ERROR, USAGE, FAILURES, BROKEN_PIPE = 0, 1, 2, 3, 141


def say(sentence: str) -> None:
    """Print how a command ended, apart from its results; nobody may be listening any more."""
    with suppress(OSError):
        print(sentence, file=sys.stderr)  # noqa: T201 - the one place errors are printed
