"""Lists of GPUs as people write them, RELION's way among them."""

from __future__ import annotations

import re

from cryoden.compute import devices
from cryoden.errors import SettingsError


def device_list(text: str) -> tuple[str, ...]:
    """Return the devices of a list, each once, in its order.

    In RELION a colon separates the GPUs of one process from those of the next, and a comma those of one
    process. Here no process has several, so both separate GPUs.

    Parameters
    ----------
    text : str
        ``all``, or numbers as in ``0,1,2``, ``0:1`` and ``0,1:2,3``; ``cuda:1`` is a number, too.

    Raises
    ------
    SettingsError
        S02 when one of them, or any GPU at all, is not there.
    """
    if text == "all":
        there = [name for name in devices.found() if name != "cpu"]
        if not there:
            fix = "Choose processes on processors with --workers N"
            raise SettingsError("S02", None, "devices = all, and no GPU is there (found: cpu)", fix=fix)
        return tuple(there)
    numbers = re.split(r"[,:]\s*", text.replace("cuda:", ""))
    try:
        return tuple(dict.fromkeys(devices.named(number) for number in numbers))
    except SettingsError as error:
        error.fix = "Choose among these, or all"
        raise
