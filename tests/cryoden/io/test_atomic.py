from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.errors import OutputError
from cryoden.io import mrc
from cryoden.io.atomic import atomic_write, atomic_write_pair, check_destination


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def publish(final: Path, text: str = "new", *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
    with atomic_write(final, overwrite=overwrite, inputs=inputs) as temporary:
        temporary.write_text(text)


def publish_and_fail(final: Path, error: BaseException) -> None:
    with atomic_write(final, overwrite=True) as temporary:
        temporary.write_text("half")
        raise error


def refused(final: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> str:
    with pytest.raises(OutputError) as caught:
        publish(final, overwrite=overwrite, inputs=inputs)
    return str(caught.value)


def test_a_result_appears_under_its_name_and_nothing_else_stays(tmp_path: Path) -> None:
    final = tmp_path / "result.mrc"
    with atomic_write(final) as temporary:
        temporary.write_text("whole")
        assert not final.exists()
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".result.mrc.")
        assert temporary.name.endswith(".part")
    assert final.read_text() == "whole"
    assert names(tmp_path) == ["result.mrc"]


def test_the_result_has_the_usual_permissions_even_when_the_writer_narrows_them(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    with atomic_write(tmp_path / "a") as temporary:
        temporary.unlink()
        temporary.write_text("x")
        temporary.chmod(0o600)
    assert (tmp_path / "a").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(errno.EPIPE, "pipe")])
def test_an_error_inside_leaves_the_old_file_and_no_temporary(tmp_path: Path, error: BaseException) -> None:
    final = tmp_path / "a"
    final.write_text("old")
    with pytest.raises(type(error)):
        publish_and_fail(final, error)
    assert final.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_full_disk_is_told_in_words_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as full:
        Path("/dev/full").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"O02 .*No space left on device") as caught:
        publish_and_fail(tmp_path / "a", full.value)
    assert "Nothing was left behind" in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EROFS])
def test_a_disk_that_breaks_while_a_result_is_written_is_said_of_the_result(
    tmp_path: Path, number: int
) -> None:
    with pytest.raises(OutputError, match=r"O0[36]  .*/a — .*Nothing was left behind"):
        publish_and_fail(tmp_path / "a", OSError(number, os.strerror(number)))
    assert names(tmp_path) == []


def test_a_temporary_that_vanished_is_an_error_not_a_result(tmp_path: Path) -> None:
    context = atomic_write(tmp_path / "a")
    context.__enter__().unlink()
    with pytest.raises(OutputError):
        context.__exit__(None, None, None)
    assert names(tmp_path) == []


def test_an_existing_file_stays_unless_told_otherwise(tmp_path: Path) -> None:
    final = tmp_path / "a"
    final.write_text("old")
    message = refused(final)
    assert message.startswith("O05")
    assert "--overwrite" in message
    assert final.read_text() == "old"
    with atomic_write(final, overwrite=True) as temporary:
        temporary.write_text("new")
    assert final.read_text() == "new"


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    final = tmp_path / "a"
    context = atomic_write(final)
    context.__enter__().write_text("ours")
    final.write_text("theirs")
    with pytest.raises(OutputError, match="O05"):
        context.__exit__(None, None, None)
    assert final.read_text() == "theirs"
    assert names(tmp_path) == ["a"]


class TestInputs:
    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        path = tmp_path / "source.mrc"
        path.write_text("input")
        return path

    def check(self, final: Path, source: Path) -> None:
        message = refused(final, overwrite=True, inputs=[source])
        assert message.startswith("O04")
        assert str(source) in message
        assert source.read_text() == "input"

    def test_the_same_path_is_refused(self, source: Path) -> None:
        self.check(source, source)

    def test_the_same_path_spelled_otherwise_is_refused(self, source: Path) -> None:
        self.check(source.parent / "." / ".." / source.parent.name / source.name, source)

    def test_a_hard_link_is_refused(self, source: Path) -> None:
        (source.parent / "hard").hardlink_to(source)
        self.check(source.parent / "hard", source)

    def test_a_symbolic_link_is_refused(self, source: Path) -> None:
        (source.parent / "soft").symlink_to(source)
        self.check(source.parent / "soft", source)

    def test_a_linked_folder_is_refused(self, source: Path) -> None:
        (source.parent / "door").symlink_to(source.parent)
        self.check(source.parent / "door" / source.name, source)

    def test_another_file_is_fine(self, source: Path) -> None:
        with atomic_write(source.parent / "other", inputs=[source]) as temporary:
            temporary.write_text("x")
        assert source.read_text() == "input"


class TestFolders:
    @pytest.fixture
    def closed(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        shutil.rmtree(folder)

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        message = refused(tmp_path / "nowhere" / "a")
        assert message.startswith("O06")
        assert f"{tmp_path / 'nowhere'} does not exist" in message

    def test_a_folder_in_place_of_the_file_is_named(self, tmp_path: Path) -> None:
        assert "is a folder" in refused(tmp_path, overwrite=True)

    def test_a_file_in_place_of_the_folder_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert refused(tmp_path / "file" / "a").startswith("O06")

    def test_a_closed_folder_is_named(self, closed: Path) -> None:
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            message = refused(closed / "a")
        finally:
            if root:
                os.seteuid(0)
        assert message.startswith("O06")
        assert "Permission denied" in message


def test_the_longest_names_can_be_published(tmp_path: Path) -> None:
    for name in ("x" * 255, "é" * 127, os.fsdecode(b"\xff" * 255)):
        with atomic_write(tmp_path / name) as temporary:
            temporary.write_text("whole")
        assert (tmp_path / name).read_text() == "whole"


def test_a_killed_writer_leaves_the_old_file_whole(tmp_path: Path) -> None:
    final = tmp_path / "a"
    final.write_text("old")
    code = (
        "import sys, pathlib; from cryoden.io.atomic import atomic_write\n"
        "with atomic_write(pathlib.Path(sys.argv[1]), overwrite=True) as temporary:\n"
        "    temporary.write_text('half'); print('written', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(final)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert final.read_text() == "old"
    left = [name for name in names(tmp_path) if name != "a"]
    assert len(left) == 1
    assert left[0].endswith(".part")


def test_a_destination_can_be_checked_before_the_work_without_touching_it(tmp_path: Path) -> None:
    check_destination(tmp_path / "a")
    assert names(tmp_path) == []
    (tmp_path / "a").write_text("old")
    with pytest.raises(OutputError, match="O05"):
        check_destination(tmp_path / "a")
    with pytest.raises(OutputError, match="O04"):
        check_destination(tmp_path / "a", overwrite=True, inputs=[tmp_path / "a"])
    with pytest.raises(OutputError, match="O06"):
        check_destination(tmp_path / "nowhere" / "a")
    assert (tmp_path / "a").read_text() == "old"


def write_pair(folder: Path, text: str, *, overwrite: bool = False, lose_first: bool = False) -> None:
    with atomic_write_pair(folder / "a", folder / "b", overwrite=overwrite) as (one, other):
        one.write_text(text)
        other.write_text(text)
        if lose_first:
            one.unlink()


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_two_files_that_belong_together_are_both_published(tmp_path: Path) -> None:
    write_pair(tmp_path, "old")
    write_pair(tmp_path, "new", overwrite=True)
    assert contents(tmp_path) == {"a": "new", "b": "new"}


@pytest.mark.parametrize("there", ["a", "b"])
def test_where_one_of_two_exists_neither_is_published(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    with pytest.raises(OutputError, match="O05"):
        write_pair(tmp_path, "new")
    assert contents(tmp_path) == {there: "precious"}


def test_when_the_last_step_fails_the_other_file_is_taken_back(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_pair(tmp_path, "new", lose_first=True)
    assert contents(tmp_path) == {}
    write_pair(tmp_path, "old")
    with pytest.raises(OutputError):
        write_pair(tmp_path, "new", overwrite=True, lose_first=True)
    assert set(contents(tmp_path).values()) <= {"old"}  # never an old one beside a new one


def test_a_file_that_appears_meanwhile_is_not_removed_for_a_pair(tmp_path: Path) -> None:
    def late() -> None:
        with atomic_write_pair(tmp_path / "a", tmp_path / "b"):
            (tmp_path / "a").write_text("late")

    with pytest.raises(OutputError, match="O05"):
        late()
    assert contents(tmp_path) == {"a": "late"}


@pytest.mark.parametrize("rename", [1, 2])
def test_a_kill_at_any_rename_never_leaves_an_old_file_beside_a_new_one(tmp_path: Path, rename: int) -> None:
    write_pair(tmp_path, "old")
    code = (
        "import os, signal, sys; from pathlib import Path; from cryoden.io.atomic import atomic_write_pair\n"
        f"folder, left = Path({str(tmp_path)!r}), {rename}\n"
        "def kill(event, arguments):\n"
        "    global left\n"
        "    left -= event == 'os.rename'\n"
        "    if event == 'os.rename' and not left: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with atomic_write_pair(folder / 'a', folder / 'b', overwrite=True) as (one, other):\n"
        "    one.write_text('new'); other.write_text('new'); sys.addaudithook(kill)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    left = {path.name: path.read_text() for path in tmp_path.iterdir() if path.suffix != ".part"}
    assert left == {"b": "old" if rename == 1 else "new"}


def test_what_is_wrong_with_a_result_is_said_of_its_name_and_not_of_a_hidden_one(tmp_path: Path) -> None:
    final, huge = tmp_path / "a.mrc", np.full((8, 8), 1e9, np.float32)
    with pytest.raises(OutputError, match="O13") as caught, atomic_write(final) as temporary:
        mrc.write(temporary, huge, pixel_size=1.0, label="x", output="float16")
    assert str(caught.value).startswith(f"O13  {final} — ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_modes_flushes_or_locks_takes_results_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    import fcntl  # noqa: PLC0415  absent on Windows

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "chmod", refuse)
    monkeypatch.setattr(fcntl, "flock", refuse)
    if number != errno.EPERM:
        monkeypatch.setattr(os, "fsync", refuse)
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "a").read_text() == "whole"


def test_a_disk_that_fails_while_it_flushes_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="O03"), atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("whole")
    assert list(tmp_path.iterdir()) == []
