"""Every fault of a file is said in the same line by library, command line and page of messages."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.errors import MicrographError
from cryoden.formats.micrographs import read
from tests.cryoden.faults.asked_zoo import ASKED, Asked
from tests.cryoden.faults.zoo import EVERY, READ, REFUSED, Fault

MESSAGES = Path(__file__).parents[3] / "docs" / "messages.md"
MOST_BYTES = 1 << 22  # however large the file says it is


def refusal(path: Path) -> str:
    """Return what the library says of it."""
    with pytest.raises(MicrographError) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize("fault", REFUSED, ids=str)
def test_the_library_names_file_fault_and_fix_and_takes_no_memory(fault: Fault, tmp_path: Path) -> None:
    path = tmp_path / fault.name
    fault.make(path)
    tracemalloc.start()
    try:
        said = refusal(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert re.fullmatch(rf"{fault.code}  {re.escape(str(path))} — [^\n]+\. [^\n]+\.", said)
    assert fault.words in said


@pytest.mark.parametrize("fault", READ, ids=str)
def test_what_is_odd_is_read_with_a_warning(fault: Fault, tmp_path: Path) -> None:
    path = tmp_path / fault.name
    fault.make(path)
    found = [str(remark) for remark in read(path).warnings]
    assert any(line.startswith(f"{fault.code}: ") and fault.words in line for line in found)


@pytest.mark.parametrize("fault", REFUSED, ids=str)
def test_the_command_line_says_the_same_and_ends_with_a_status(
    fault: Fault, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / fault.name
    fault.make(path)
    status = main(["denoise", str(path), "--output", str(tmp_path / "out"), "--device", "cpu", "--json"])
    printed = capsys.readouterr()
    failed = [event for event in map(json.loads, printed.out.splitlines()) if event["event"] == "FileFailed"]
    if failed:
        assert (status, [event["message"] for event in failed]) == (3, [refusal(path)])
    else:  # nothing to denoise: a folder, or no such file
        assert (status, printed.err.count("\n")) == (2, 1)
        assert str(path) in printed.err
    assert not list((tmp_path / "out").glob("*"))


def listed(code: str) -> list[str]:
    """Return what the page of messages says of a code, without what stands for numbers and names."""
    rows = re.findall(rf"^\| {code} \| (.+?) \|", MESSAGES.read_text(encoding="utf-8"), re.MULTILINE)
    parts = [part for row in rows for part in re.split(r"\*[^*]+\*|[;(),…]|\bor\b|warning: ", row)]
    return [part.strip(" :*") for part in parts if len(part.strip(" :*")) > 3]


@pytest.mark.parametrize("fault", EVERY, ids=str)
def test_the_page_of_messages_has_its_words(fault: Fault, tmp_path: Path) -> None:
    path = tmp_path / fault.name
    fault.make(path)
    said = "\n".join(map(str, read(path).warnings)) if fault.is_read else refusal(path)
    assert any(part in said for part in listed(fault.code)), (said, listed(fault.code))


@pytest.mark.parametrize("fault", ASKED, ids=str)
def test_a_command_that_cannot_be_done_says_so_in_one_line_of_the_page(
    fault: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = fault.ask(tmp_path)
    capsys.readouterr()
    assert main(asked) == fault.status
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() + said.out.splitlines() if fault.code in line]
    lines = [line for line in lines if not line.startswith(("failed", "remark"))]  # the table at the end
    assert len(lines) == 1, said
    assert fault.words in lines[0]
    rows = re.findall(rf"^\| {fault.code} \| .+$", MESSAGES.read_text(encoding="utf-8"), re.MULTILINE)
    assert any((fault.page or fault.words) in row.replace("`", "").replace("*", "") for row in rows), rows
