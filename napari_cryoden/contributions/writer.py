"""Saves one image layer as an MRC file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari.layers import Image

from cryoden.errors import MicrographError
from cryoden.formats import writing
from cryoden.formats.result_stamp import marked, result_label
from cryoden.io.atomic import atomic_write
from cryoden.model.checkpoint import label_of
from napari_cryoden.layers import layer_data
from napari_cryoden.layers.plane import full_size, plane_of

ONE = "Save one micrograph; Layer > Split Stack makes a layer of each section"


def write(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write the layer whole or not at all, and never onto the file it comes from.

    The pixel size is the layer's scale where that is a length; origin, extended header and
    labels come from the source file while it is there.

    Raises
    ------
    CryodenError
        What is wrong in one line, which napari shows: F32 for anything but one gray image,
        O04 for the source itself, O06 for a folder that cannot be written, O13 for NaN.
    """
    layer = Image(data, **attributes)
    if plane_of(layer).section:
        raise MicrographError(
            "F32", None, f"layer '{layer.name}' is a stack of {len(full_size(layer))} sections", fix=ONE
        )
    facts, micrograph = layer_data.facts_of(layer), layer_data.to_micrograph(layer)
    named = facts.get("source") or facts.get("file")
    source = Path(named) if named and Path(named).is_file() else None
    label = f"napari-cryoden: {facts.get('role', 'image')} micrograph saved from napari"
    if facts.get("role") == "denoised" and facts.get("model"):
        label = marked(result_label(label_of(Path(facts["model"]))), None)  # by which it is known again
    # The file dialog has already asked whether to replace an existing file.
    with atomic_write(Path(path), overwrite=True, inputs=[source] if source else []) as temporary:
        writing.write(temporary, micrograph.data, pixel_size=micrograph.pixel_size, like=source, label=label)
    return [path]
