"""How a file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.errors import MicrographError
from cryoden.io.mrc_probe import probe
from tests.cryoden.hostile import NX, NY

FLOATS = 4 * NX * NY


def refused(path: Path | str, **options: bool) -> str:
    """Return the message of the refusal."""
    with pytest.raises(MicrographError) as caught:
        probe(path, **options)  # type: ignore[arg-type]  # only the flag is passed on
    return str(caught.value)
