"""Settings as the flags that give them, the other way round than `cryoden.settings.flags`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields
from os import PathLike
from typing import Any

Words = list[str]


def arguments(settings: Any) -> Words:
    """Return the flags of all settings that are not the defaults."""
    changed = {
        field.name: value
        for field in fields(settings)
        if (value := getattr(settings, field.name)) != field.default
    }
    if changed.get("epochs"):  # which are given in place of minutes
        changed.pop("minutes", None)
    return [word for name, value in changed.items() for word in _flag(name.replace("_", "-"), value)]


def option(name: str, *values: str | PathLike[str] | None) -> Words:
    """Return a flag with its values; nothing where they are none."""
    given = [str(value) for value in values if value is not None]
    return [f"--{name}", *given] if given else []


def command(*words: str | PathLike[str]) -> str:
    """Return a command line of this program, quoted for a shell."""
    return shlex.join(["cryoden", *map(str, words)])


def one_after_another(commands: Sequence[str]) -> str:
    """Return a line that runs commands until one fails."""
    return " && ".join(commands)


def _flag(name: str, value: Any) -> Words:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    number = f"{value:.10g}" if isinstance(value, float) else str(value)
    return [f"--{name}", number]
