"""Who denoises: one device, several GPUs, or processes on the CPU."""

from __future__ import annotations

import re

from qtpy.QtWidgets import QComboBox

from cryoden.compute.memory import gpus
from cryoden.settings.workers import WorkerSettings
from napari_cryoden.tool_tip import set_tip

ONE, ALL, CPUS = "one, as set above", "all GPUs", re.compile(r"(\d+) processes on the CPU")


def workers_of(text: str) -> WorkerSettings:
    """Return who denoises: from ``all GPUs``, a list as ``0,1`` or ``0:1``, or so many processes on the CPU.

    Raises
    ------
    SettingsError
        S01 for a list that nobody understands.
    """
    text = text.strip()
    if text in {"", ONE}:
        return WorkerSettings()
    if number := CPUS.fullmatch(text):
        return WorkerSettings(workers=int(number[1]))
    return WorkerSettings(devices="all" if text == ALL else text)


def devices_box() -> QComboBox:
    """Return the choice of several devices, in which a list of GPUs may be typed."""
    box = QComboBox()
    box.setEditable(True)
    known = gpus()
    box.addItems([ONE, *([ALL, ",".join(known)] if known else []), "2 processes on the CPU"])
    set_tip(
        box,
        "Several GPUs share the files, each with processes of its own: all GPUs, or their numbers, as in 0,1 "
        "or RELION's 0:1; on the CPU any number of processes. Needs napari-cryoden[cluster]",
    )
    return box
