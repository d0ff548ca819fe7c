"""The sum of two halves as a raw layer, from layers or from files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari.layers import Image

from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.half_sums import exposure_name
from cryoden.dataset.opening import added, open_both, whole
from cryoden.errors import MicrographError
from napari_cryoden.layers.half_pairs import LayerPair, pairs_of
from napari_cryoden.layers.layer_data import LayerData, facts_of, raw_layer, to_micrograph
from napari_cryoden.layers.picture import picture_of
from napari_cryoden.layers.plane import placed, plane_of

ENDING = " · sum"


def pair_with(layer: Any, layers: Iterable[Any]) -> LayerPair | None:
    """Return the pair that a layer is a half of, ``None`` where the other one is not open, or of stacks."""
    pairs = (pair for pair in pairs_of(layers) if layer is pair.even or layer is pair.odd)
    pair = next(pairs, None)
    return pair if pair and not any(map(_has_planes, (pair.even, pair.odd))) else None


def sum_of(pair: LayerPair) -> LayerData:
    """Return the layer of the sum of two layers, which lies exactly on the even one.

    Raises
    ------
    CryodenError
        D05 or D06 where they differ in size or pixel size; see `to_micrograph`.
    """
    even, odd = to_micrograph(pair.even), to_micrograph(pair.odd)
    micrograph = added(even, odd, pair.name)
    picture = picture_of(micrograph.data)
    _, kwargs, kind = raw_layer(micrograph, picture)
    ids, files = (pair.even.unique_id, pair.odd.unique_id), _files((pair.even, pair.odd))
    plane = plane_of(pair.even)
    return picture.data(plane.whole), _named(kwargs, pair.name, files, ids) | placed(pair.even, plane), kind


def sum_of_files(even: Path, odd: Path) -> LayerData:
    """Return the layer of the sum of two files, or of the two images of one.

    Raises
    ------
    CryodenError
        When one cannot be read, D05 or D06 where they differ in size or pixel size.
    """
    one, other = map(whole, open_both(HalfFiles("", even, odd), None, {}))
    name = exposure_name(even)
    data, kwargs, kind = raw_layer(added(one, other, name))
    return data, _named(kwargs, name, (str(even), str(odd)), ()), kind


def open_sum(pair: LayerPair, layers: Iterable[Any]) -> Any:
    """Return the layer with the sum of two layers that is there already, ``None`` where there is none."""
    ids = (pair.even.unique_id, pair.odd.unique_id)
    return next((layer for layer in layers if facts_of(layer).get("sum_of") == ids), None)


def halves_of(layer: Image) -> tuple[Path, ...]:
    """Return the files of the two halves that a layer is the sum of, where it is one and they are there."""
    files = tuple(map(Path, facts_of(layer).get("halves", ())))
    return files if all(file.is_file() for file in files) else ()


def _has_planes(layer: Image) -> bool:
    try:
        return bool(plane_of(layer).section)
    except MicrographError:  # its denoising says what is wrong with it
        return True


def _files(layers: Iterable[Image]) -> tuple[str, ...]:
    sources = [str(facts_of(layer).get("source") or "") for layer in layers]
    return tuple(sources) if all(sources) else ()


def _named(kwargs: dict[str, Any], name: str, files: tuple[str, ...], ids: tuple[Any, ...]) -> dict[str, Any]:
    facts = kwargs["metadata"]["cryoden"] | {"source": None, "halves": files, "sum_of": ids}
    return kwargs | {"name": f"{name}{ENDING}", "metadata": {"cryoden": facts}}
