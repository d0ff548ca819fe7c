from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from cryoden.io.atomic import atomic_write, check_destination
from cryoden.io.claim import beside, claim
from cryoden.io.leftovers import hidden_beside, remove_leftovers

DIES = (
    "import os, signal, sys\nfrom pathlib import Path\nfrom cryoden.io.atomic import atomic_write\n"
    "from cryoden.io.claim import beside, claim\nfinal = Path(sys.argv[1])\nheld = claim(beside(final))\n"
    "with atomic_write(final) as temporary:\n"
    "    temporary.write_bytes(b'half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
)


def killed_while_writing(final: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", DIES, str(final)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(list(final.parent.iterdir())) == 2


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / "a.mrc")
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_next_one_that_writes_there_removes_it(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / "m.safetensors")
    check_destination(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_is_writing_and_files_of_others_stay(tmp_path: Path) -> None:
    others = [".a.mrc.part", ".b.deadbeef.part", ".c.deadbeef-1-0badcafe.part", "d.part"]
    for name in others:
        (tmp_path / name).write_text("somebody's")
    held = claim(beside(tmp_path / "a.mrc"))
    assert held is not None
    with atomic_write(tmp_path / "a.mrc") as temporary, held:
        temporary.write_bytes(b"half")
        remove_leftovers(tmp_path)
        assert temporary.read_bytes() == b"half"
        assert beside(tmp_path / "a.mrc").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {*others, "a.mrc"}


def test_the_name_of_a_hidden_file_fits_every_file_system() -> None:
    name = hidden_beside(Path("é" * 126)).name
    assert len(os.fsencode(name)) <= 255
    assert name.startswith(".é")


def test_a_folder_that_is_not_there_holds_no_leftovers(tmp_path: Path) -> None:
    remove_leftovers(tmp_path / "absent")
