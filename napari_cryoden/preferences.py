"""What the user chose for this plugin in napari's Preferences."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from napari.settings import get_plugin_settings

from cryoden.settings.fields import Device
from napari_cryoden.paths import typed

PLUGIN = "napari-cryoden"


@dataclass(frozen=True)
class Preferences:
    """The choices, by their names in the manifest; the defaults are the manifest's.

    Parameters
    ----------
    device : str
        Where to compute, in docks opened from now on.
    spare_cores : int
        Processor cores left to the interface while something is computed.
    live_preview : bool
        Whether a run begins with a live preview of the first micrograph.
    scale_bar : bool
        Whether the scale bar is shown at the first opening in a window.
    runs_folder : str
        Where new runs are proposed; empty for beside the data.
    """

    device: Device = "auto"
    spare_cores: int = 1
    live_preview: bool = False
    scale_bar: bool = True
    runs_folder: str = ""

    @property
    def runs(self) -> Path | None:
        """The folder of new runs, ``None`` for beside the data or where it is not there."""
        folder = typed(self.runs_folder)
        return folder if folder is not None and folder.is_dir() else None


def preferences() -> Preferences:
    """Return the choices of now; the defaults where napari does not know the plugin, as in scripts."""
    try:
        groups = get_plugin_settings(PLUGIN).model_dump()
    except KeyError:
        return Preferences()
    chosen = {name: value for group in groups.values() for name, value in group.items()}
    return Preferences(**{field.name: chosen[field.name] for field in fields(Preferences)})
