from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cryoden.errors import CryodenError, MicrographError, OutputError, in_words, printable


def test_a_message_has_code_file_problem_rest_and_fix_on_one_line() -> None:
    error = MicrographError(
        "F03", Path("/a/b.mrc"), "truncated: 3 of 5 bytes", kept="Skipped", fix="Copy it again"
    )
    assert str(error) == "F03  /a/b.mrc — truncated: 3 of 5 bytes. Skipped. Copy it again."


def test_the_base_of_all_errors_is_no_runtime_error() -> None:
    assert not issubclass(CryodenError, RuntimeError)


@pytest.mark.parametrize("name", ["a\nb.mrc", "a\x1b[31m.mrc", b"caf\xe9.mrc", "\u202egpj.mrc"])
def test_a_name_can_break_neither_line_nor_terminal(name: str | bytes) -> None:
    assert printable(name).isprintable()


@pytest.mark.parametrize(
    "name", ["plain.mrc", "with space.mrc", "100%.mrc", "[glob]*.mrc", "μ-ice 😀.mrc", "-rf"]
)
def test_a_printable_name_is_shown_as_it_is(name: str) -> None:
    assert printable(name) == name


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "T06"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB\nmore"), "T06"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "T06"),
        (OSError(errno.EIO, "Input/output error"), "O03"),
        (ValueError("surprise"), "G03"),
        (MicrographError("F01", None, "empty"), "F01"),
    ],
)
def test_every_error_becomes_one_line_with_a_code(error: Exception, code: str) -> None:
    line = in_words(error, "/data/m.mrc")
    assert line.startswith(f"{code}  ")
    assert "\n" not in line


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("can't start new thread"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        MemoryError("Unable to allocate 4 GiB"),
    ],
)
def test_memory_that_runs_out_is_called_that_whoever_says_it(error: Exception) -> None:
    assert in_words(error, "a.mrc").startswith("T06  a.mrc — out of memory")


def test_an_error_of_the_system_is_said_of_the_file_it_names() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "/data/list.star")
    assert in_words(error, "/data").startswith("O03  /data/list.star — Permission denied.")


def test_an_error_that_names_no_file_is_said_of_the_one_it_happened_to() -> None:
    assert in_words(CryodenError("T09", None, "out of memory"), "a.mrc") == "T09  a.mrc — out of memory."
    assert in_words(CryodenError("T09", "b", "out of memory"), "a.mrc") == "T09  b — out of memory."


def test_an_error_of_another_process_is_the_same_here() -> None:
    error = OutputError("O06", "out/a.mrc", "cannot be written", kept="Kept", fix="Choose another")
    make, parts = error.__reduce__()
    again = make(*parts)
    assert type(again) is OutputError
    assert (str(again), again.code, again.file) == (str(error), "O06", "out/a.mrc")
