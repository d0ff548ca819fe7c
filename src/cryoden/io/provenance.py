"""What a result was made with, as JSON has it."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def _own_version() -> str:
    try:
        return version("napari-cryoden")
    except PackageNotFoundError:  # run from its source, which is installed nowhere
        return "0.0.0"


VERSION = _own_version()
RELEASE = VERSION.partition(".dev")[0]  # for labels of headers, which have 80 letters


def versions() -> dict[str, str]:
    """Return the versions a result depends on."""
    packages = {name: version(name) for name in ("torch", "numpy")}
    return {"cryoden": VERSION, "python": platform.python_version(), **packages}


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as JSON has them: no NaN."""
    return {key: plain(value) if isinstance(value, dict) else _finite(value) for key, value in values.items()}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
