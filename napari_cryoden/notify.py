"""Errors, and warnings about a micrograph that did not stop the work, in the words of the viewer."""

from __future__ import annotations

import re
from collections.abc import Iterable

from napari.utils.notifications import show_error, show_warning

from cryoden.errors import CryodenError, Remark, printable

SIZE = "pixel size in Open, Denoise or Batch"
ADVANCED = "under Advanced in Open or Batch"
# What messages say of flags of the command line, and what one does here in place of it.
INSTEAD = {
    "pass --pixel-size if it is": f"if it is, give the right {SIZE}",
    "pass --pixel-size": f"give the {SIZE}",
    "Give --pixel-size": f"Give the {SIZE}",
    "Give --diameter in Å": "Give the diameter in Picks",
    "Check --diameter and": "Check the diameter in Picks and",
    "--pixel-size overrides": f"a {SIZE} overrides",
    "--mode0 signed|unsigned overrides": f"mode0 {ADVANCED} overrides",
    "denoise with --nan mean": f"choose nan = mean {ADVANCED}",
    "Pass --assume-no-ext-header": f"Tick assume no ext header {ADVANCED}",
    "Pass --force to continue": "Choose Resume all the same in Runs to continue",
    "(--overwrite)": "(tick Overwrite results of other models or settings)",
    ", or pass --overwrite to replace it": "",
}
FLAG = re.compile(r"(?<![\w-])--[a-z]")


def viewer_words(message: str) -> str:
    """Return a message of the library with fields of the docks in place of flags.

    What can be done on the command line only is said to be so.
    """
    for flag, words in INSTEAD.items():
        message = message.replace(flag, words)
    only_there = FLAG.search(message) and "command line" not in message
    return f"{message} (on the command line)" if only_there else message


def show_problem(error: CryodenError | str) -> None:
    """Show in one line what could not be done."""
    show_error(viewer_words(str(error)))


def show_remarks(subject: str, warnings: Iterable[Remark | str]) -> None:
    """Show each warning as a line of its own, with the file or layer it is about."""
    for warning in warnings:
        show_warning(f"{printable(subject)} — {viewer_words(str(warning))}")
