"""Which open layers are the two halves of one exposure, by name as for files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Image

from cryoden.dataset.half_names import TAGGED, half_of
from cryoden.errors import MicrographError
from cryoden.formats.names import stem_of
from cryoden.micrograph import HalfPair, Micrograph
from napari_cryoden.layers.layer_data import facts_of, to_micrograph


@dataclass(frozen=True, eq=False)
class LayerPair:
    """Two layers, held as objects: names and order may change while they are listed."""

    name: str
    even: Image
    odd: Image

    def opener(self) -> Callable[[], HalfPair]:
        """Return what gives the pixels, or raises what is wrong with a layer, in any thread.

        The layers are looked at here and now; their pixels are not copied.
        """
        try:
            halves = HalfPair(to_micrograph(self.even, copy=False), to_micrograph(self.odd, copy=False))
        except MicrographError as error:
            return partial(_refuse, error)
        return lambda: halves

    def same_as(self, other: LayerPair) -> bool:
        """Whether both stand for the same two layers under the same name."""
        return self.name == other.name and self.even is other.even and self.odd is other.odd


def _refuse(error: MicrographError) -> HalfPair:
    raise error


def pairs_of(layers: Iterable[Any]) -> list[LayerPair]:
    """Return the pairs among image layers, sorted by name; layers that are no half are left out.

    A layer is a half by its name (``<name>_EVN``, ``_even``, ``_ODD`` …) or by the folder
    ``even`` or ``odd`` its file lies in.
    """
    halves: dict[str, dict[str, Image]] = {}
    for layer in layers:
        claim = _claim(layer) if isinstance(layer, Image) else None
        if claim is not None:
            halves.setdefault(claim[0], {}).setdefault(claim[1], layer)
    whole = {name: pair for name, pair in halves.items() if len(pair) == 2}
    return [LayerPair(name, whole[name]["even"], whole[name]["odd"]) for name in sorted(whole)]


def _claim(layer: Image) -> tuple[str, str] | None:
    facts = facts_of(layer)
    if facts.get("role", "raw") != "raw":
        return None
    if match := TAGGED.fullmatch(layer.name):
        stem, half = match["stem"], half_of(match["half"])
    else:
        source = Path(facts.get("source") or "")
        stem, half = stem_of(source), half_of(source.parent.name)
    return (stem, half) if half else None


def in_memory(pair: HalfPair) -> HalfPair:
    """Return a copy of both halves, which later edits of the layers cannot reach."""
    even, odd = (
        Micrograph(half.window(0, 0, *half.shape), half.pixel_size, half.name, half.path)
        for half in (pair.even, pair.odd)
    )
    return HalfPair(even, odd)
