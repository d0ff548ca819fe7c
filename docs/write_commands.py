"""Writes docs/commands.md from the commands themselves: python docs/write_commands.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import tyro

from cryoden.cli.flags import Cryoden
from cryoden.cli.main import STYLE
from cryoden.settings.commands import commands, overview

PAGE = Path(__file__).with_name("commands.md")
WIDTH = "96"
HEAD = """# Commands

What `cryoden COMMAND --help` prints. Examples are in [the command line](command-line.md), the settings
among the flags, in one table for command line and viewer, in [settings](settings.md).
"""


def page() -> str:
    """Return the whole page."""
    sections = (f"## {name}\n\n```text\n{text}\n```\n" for name, text in _texts())
    return "\n".join([HEAD, f"```text\n{overview(Cryoden)}\n```\n", *sections])


def _texts() -> Iterator[tuple[str, str]]:
    for name in commands(Cryoden):
        yield name, _help(name)
        if name == "patches":
            yield from ((f"patches {part}", _help(name, part)) for part in ("build", "check", "info"))


def _help(*words: str) -> str:
    printed = StringIO()
    with patch.dict("os.environ", {"COLUMNS": WIDTH}), redirect_stdout(printed), suppress(SystemExit):
        tyro.cli(Cryoden, args=[*words, "--help"], prog="cryoden", config=STYLE)
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
