"""The general model that comes with the program: trained on simulated exposures, for any micrograph."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

GENERAL = Path(str(files(__package__) / "models" / "general.safetensors"))
