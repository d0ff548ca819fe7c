"""Warnings about a micrograph that did not stop the work, shown as they come."""

from __future__ import annotations

from collections.abc import Iterable

from napari.utils.notifications import show_warning

from cryoden.errors import printable


def show_remarks(subject: str, warnings: Iterable[str]) -> None:
    """Show each warning as a line of its own, with the file or layer it is about."""
    for warning in warnings:
        show_warning(f"{printable(subject)} — {warning}")
