"""What is remembered from one session to the next, in a file beside napari's own settings."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from napari.settings import get_settings
from qtpy.QtCore import QSettings

NAME = "napari-cryoden.ini"
MOST = 8  # recent folders


def remember(key: str, value: Any) -> None:
    """Remember a value of plain types and paths; where nothing can be written it is forgotten silently."""
    store = _store()
    if store is not None:
        store.setValue(key, json.dumps(value, default=os.fspath))


def remembered(key: str) -> Any:
    """Return a value, paths as text; ``None`` for nothing, and for what cannot be read any more."""
    store = _store()
    try:
        return json.loads(store.value(key)) if store is not None and store.contains(key) else None
    except (TypeError, ValueError):  # somebody else has written there
        return None


def all_remembered() -> dict[str, Any]:
    """Return all values, but for those that cannot be read, and for paths to what is gone."""
    store = _store()
    found = {key: remembered(key) for key in (store.allKeys() if store is not None else ())}
    return {key: value for key, value in found.items() if value is not None and not _is_gone(value)}


def add_recent(folder: Path) -> None:
    """Put a folder, or a list, first among the recent ones."""
    others = [other for other in recent() if other != folder]
    remember("recent", [folder, *others][:MOST])


def recent() -> list[Path]:
    """Return the folders and lists that were used last, those that are still there."""
    return there(remembered("recent"))


def there(found: Any) -> list[Path]:
    """Return the paths in a remembered list that are still there; nothing of what is no list of them."""
    names = [one for one in found if isinstance(one, str | Path)] if isinstance(found, list) else []
    return [path for path in map(Path, names) if path.exists()]


def _is_gone(value: Any) -> bool:
    return isinstance(value, str) and Path(value).is_absolute() and not Path(value).exists()


def place() -> Path | None:
    """Return where the file lies; ``None`` where napari keeps none either."""
    settings = get_settings().config_path
    return None if settings is None else Path(settings).with_name(NAME)


def _store() -> QSettings | None:
    path = place()
    return None if path is None else _file(path)


@cache
def _file(path: Path) -> QSettings:
    return QSettings(str(path), QSettings.Format.IniFormat)
