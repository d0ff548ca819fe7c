"""JSON from disk: a regular file, and its types checked once, where it becomes an object.

All that can be wrong with a file is a ``ValueError`` of one line here, which whoever reads it turns
into an error with a code; only a file that is not there is a ``FileNotFoundError``.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cryoden.errors import MicrographError, printable
from cryoden.io.mrc_header import bytes_of

MOST_BYTES = 1 << 30
LONGEST = 200  # letters of what is said of a value
Kind = TypeVar("Kind")


def content(path: Path) -> str:
    """Return the text of a regular file, never waiting on anything else.

    Raises
    ------
    FileNotFoundError
        When there is none.
    ValueError
        When it cannot be read as text, and why.
    """
    if not os.path.lexists(path):
        raise FileNotFoundError(path)
    try:
        return bytes_of(path, MOST_BYTES).decode("utf-8")
    except MicrographError as error:
        raise ValueError(error.problem) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"no text: byte {error.start:,} is not UTF-8") from None


def parsed(text: str) -> dict[str, Any]:
    """Return a JSON object; ``ValueError`` for anything else, however deep."""
    try:
        values = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError(f"no JSON object, but {type(values).__name__}")  # noqa: TRY004  the file is wrong
    return values


def read(path: Path) -> dict[str, Any]:
    """Return the JSON object a file holds; errors as of `content` and `parsed`."""
    return parsed(content(path))


def as_type(kind: type[Kind], values: Any, **made: Any) -> Kind:
    """Return an object of this type, such as a dataclass, from plain JSON values.

    Names that the type lacks are passed over. Numbers in quotes are none. ``made`` are values that
    are objects already.

    Raises
    ------
    ValueError
        For the first value that is missing or of another type, with its place.
    """
    from pydantic import ValidationError  # noqa: PLC0415  it takes a third of a second

    try:
        plain = json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")  # names may be no UTF-8
        adapter = _adapter(kind)  # type: ignore[arg-type]  # types are hashable
        checked: Kind = (
            adapter.validate_python(json.loads(plain) | made)
            if made
            else adapter.validate_json(plain, strict=True)
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(printable(f"{place}: {first['msg']}")[:LONGEST]) from None
    return checked


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415  as above

    return TypeAdapter(kind)
