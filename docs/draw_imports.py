"""Draws into docs/architecture.md which package imports which, from the imports themselves."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import grimp

PAGE = Path(__file__).with_name("architecture.md")
BEGIN, END = "<!-- imports: drawn by docs/draw_imports.py -->\n", "<!-- end of imports -->\n"
Arrows = dict[str, set[str]]


def arrows(root: str) -> Arrows:
    """Return for each package, or module beside them, what it imports; lazy imports count, too.

    Raises
    ------
    graphlib.CycleError
        Where packages import one another in a circle.
    """
    graph = grimp.build_graph(root)
    rooms = {child.removeprefix(f"{root}.") for child in graph.find_children(root)}
    found: Arrows = {room: set() for room in sorted(rooms)}
    for room in rooms:
        inside = {f"{root}.{room}", *graph.find_descendants(f"{root}.{room}")}
        imported = {name for module in inside for name in graph.find_modules_directly_imported_by(module)}
        found[room] = {name.split(".")[1] for name in imported if name.startswith(f"{root}.")} - {room}
    TopologicalSorter(found).prepare()
    return found


def reduced(found: Arrows) -> Arrows:
    """Return the arrows that do not follow from others."""
    below: Arrows = {}
    for room in TopologicalSorter(found).static_order():
        below[room] = found[room].union(*(below[other] for other in found[room]))
    return {
        room: {one for one in others if not any(one in below[other] for other in others)}
        for room, others in found.items()
    }


def mermaid(root: str) -> str:
    """Return the picture of one of the two distributions, as GitHub draws it.

    The site shows its text: what draws it would have to be fetched.
    """
    lines = [f"    {room} --> {' & '.join(sorted(to))}" for room, to in reduced(arrows(root)).items() if to]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```", ""])


def drawn(page: str) -> str:
    """Return the page with its pictures as the imports are now."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    pictures = "\n".join(f"`{root}`:\n\n{mermaid(root)}" for root in ("cryoden", "napari_cryoden"))
    return f"{head}{BEGIN}{pictures}{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
