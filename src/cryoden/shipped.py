"""The general model that comes with the program: trained on simulated exposures, for any micrograph."""

from __future__ import annotations

from pathlib import Path

GENERAL = Path(__file__).with_name("models") / "general.safetensors"
