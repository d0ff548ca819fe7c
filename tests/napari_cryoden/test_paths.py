from __future__ import annotations

from pathlib import Path

import pytest

from napari_cryoden.paths import documents, typed


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("  ", None),
        (" /data/a b ", Path("/data/a b")),
        ("~/runs", Path.home() / "runs"),
        ("~nobody_has_this_home/runs", Path("~nobody_has_this_home/runs")),
    ],
)
def test_what_somebody_typed_is_a_path_nothing_or_as_it_stands(text: str, path: Path | None) -> None:
    assert typed(text) == path


def test_documents_lie_in_a_folder_that_is_there() -> None:
    assert documents().is_dir()
