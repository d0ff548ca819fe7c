"""Whatever bytes a file has, it is read or refused in one line."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cryoden.faults.changed_bytes import CHANGES, Change, changed
from tests.cryoden.faults.readers import READERS

MOST_BYTES = 150 << 20  # of memory beyond what there was
EXAMPLES = 25


@pytest.fixture(scope="module", params=READERS)
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A sound file of each kind."""
    return request.param, READERS[request.param].sample(tmp_path_factory.mktemp("sound"))


def read(kind: str, path: Path) -> str:
    """Return the code of the refusal, and see that little memory was taken."""
    tracemalloc.start()
    try:
        code = READERS[kind](path)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    return code


def test_a_sound_file_is_read(sound: tuple[str, Path]) -> None:
    kind, path = sound
    assert read(kind, path) == ("O14" if kind == "evaluation" else "")


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=CHANGES)
def test_a_changed_file_is_read_or_refused_in_words(sound: tuple[str, Path], changes: list[Change]) -> None:
    kind, path = sound
    whole = path.read_bytes()
    try:
        path.write_bytes(changed(whole, changes))
        read(kind, path)
    finally:
        path.write_bytes(whole)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=3000))
def test_any_bytes_are_read_or_refused_in_words(sound: tuple[str, Path], data: bytes) -> None:
    kind, path = sound
    whole = path.read_bytes()
    try:
        path.write_bytes(data)
        read(kind, path)
    finally:
        path.write_bytes(whole)
