"""Before torch is loaded: one thread, which small patches gain nothing beyond.

Two threads on a busy machine of two cores wait for each other most of the time.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: Any) -> None:
    """Let the tests of the plugin be run on a slow event loop whose events come when it pleases."""
    words = "slow the event loop down and let events happen at odd moments, as this seed has it"
    parser.addoption("--restless", type=int, default=None, metavar="SEED", help=words)
