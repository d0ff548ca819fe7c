from __future__ import annotations

import os
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cryoden.errors import OutputError
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.record import read
from tests.napari_cryoden import runs


def test_of_many_runs_into_one_folder_one_gets_it_and_the_others_hear_whose_it_is(tmp_path: Path) -> None:
    won, refused = [], []

    def ask() -> None:
        try:
            won.append(RunFolder(tmp_path / "run").reserve())
        except OutputError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), refused) == (1, ["O05"] * 9)
    with pytest.raises(OutputError, match=rf"O05 .*process {os.getpid()} on .*preparing"):
        RunFolder(tmp_path / "run").reserve()
    under_way: Any = kept_in(RunFolder(tmp_path / "other"), runs.endless())
    with closing(under_way):
        next(under_way)
        with pytest.raises(OutputError, match=rf"O05 .*process {os.getpid()} on .*running"):
            RunFolder(tmp_path / "other").reserve()


def test_an_empty_folder_is_taken_and_one_that_holds_anything_is_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    list(kept_in(RunFolder(tmp_path / "empty"), runs.events()))
    assert read(tmp_path / "empty").state == "completed"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / ".hidden").touch()
    with pytest.raises(OutputError, match="O05"):
        RunFolder(tmp_path / "full").reserve()
    with pytest.raises(OutputError, match="O05"):
        RunFolder(tmp_path / "full" / ".hidden").reserve()
    assert list((tmp_path / "full").iterdir()) == [tmp_path / "full" / ".hidden"]
