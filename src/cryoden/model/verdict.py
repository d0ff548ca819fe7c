"""What validation said of a model when it was saved, as its file records."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from cryoden.events.quality import TrainingStatus
from cryoden.model.checkpoint import KEY


def verdict_of(path: Path) -> TrainingStatus | None:
    """Return the verdict of the epoch that is in a model file; only the header is read.

    ``None`` for a file that is no model, and for one that does not say.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            provenance = json.loads((file.metadata() or {})[KEY])["provenance"]
        kept = next(one for one in provenance["history"] if one["epoch"] == provenance["best_epoch"])
        return TrainingStatus(kept["verdict"]["level"], kept["verdict"]["words"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, StopIteration):
        return None
