"""The commands of a program, listed, and words that are none of them.

A program is a dataclass; its field ``command`` is a union of the commands, each annotated with its name
for tyro.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

from cryoden.errors import SettingsError

HELP = {"-h", "--help"}
ANYWHERE = {"--json"}
WIDTH = 80
LISTS = {".star", ".cs", ".csg"}
PAGE = """\
usage: cryoden [-h] [--version] [--json] COMMAND ...

{about}

Commands, each with its own --help:
{commands}

Options:
  --version   Print the version.
  --json      Print one JSON object per line instead of text.

Completion of commands and flags: cryoden --tyro-write-completion bash FILE (or zsh, fish)."""


def commands(program: type) -> dict[str, str]:
    """Return each command, and the first line of what it says of itself."""
    known = _annotated(get_type_hints(program, include_extras=True)["command"])
    return {one.__metadata__[0].name: _first_line(one.__origin__) for one in known}


def overview(program: type) -> str:
    """Return what ``cryoden --help`` prints: one line for each command."""
    known = commands(program)
    width = max(map(len, known))
    paragraphs = textwrap.dedent(f"    {program.__doc__}").strip().split("\n\n")
    about = "\n\n".join(textwrap.fill(paragraph, WIDTH, break_on_hyphens=False) for paragraph in paragraphs)
    lines = "\n".join(f"  {name:{width}}  {line}" for name, line in known.items())
    return PAGE.format(about=about, commands=lines)


def answered(program: type, arguments: Sequence[str]) -> bool:
    """Print the list of commands where nothing else was asked for; tell whether it was.

    Raises
    ------
    SettingsError
        S08 for a command that is none, with those that are spelled nearly so, and for an option that cannot
        be shown, as the name of a file can be that a shell has put in the place of an asterisk.
    """
    if HELP & set(arguments) and set(arguments) <= HELP | ANYWHERE:
        print(overview(program))  # noqa: T201 - the output
        return True
    if hidden := next((one for one in arguments if one.startswith("-") and not one.isprintable()), None):
        fix = "Put ./ in front of the name of a file"
        raise SettingsError("S08", None, f"{hidden} is no option", kept="Nothing was started", fix=fix)
    first = next((one for one in arguments if one not in ANYWHERE), "-")
    if first.startswith("-") or first in (known := commands(program)):
        return False
    near = get_close_matches(first, known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"expected {', '.join(known)}"
    problem = f"{first} is no command ({hint})"
    raise SettingsError("S08", None, problem, kept="Nothing was started", fix="See cryoden --help")


def lists_in(asked: Any) -> list[Path]:
    """Return the lists of RELION and cryoSPARC among the paths of a command."""
    values = [value for value in vars(asked).values() if not is_dataclass(value)]
    nested = [path for value in vars(asked).values() if is_dataclass(value) for path in lists_in(value)]
    several = [path for value in values for path in (value if isinstance(value, tuple) else [value])]
    lists = [path for path in several if isinstance(path, Path) and path.suffix.lower() in LISTS]
    return [*lists, *nested]


def _annotated(kind: Any) -> Iterator[Any]:
    """Yield the alternatives of a union, unions in it opened."""
    for one in get_args(kind):
        if hasattr(one, "__metadata__"):
            yield one
        else:
            yield from _annotated(one)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]
