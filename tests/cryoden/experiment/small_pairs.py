"""Settings of pairs small enough for a test."""

from __future__ import annotations

from cryoden.settings.baseline import PatchSettings


def settings(**chosen: object) -> PatchSettings:
    return PatchSettings(**({"patch": 64, "stride": 64} | chosen))  # type: ignore[arg-type]
