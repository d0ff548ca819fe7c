from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.events.reference_lines import REFERENCES
from tests.cryoden.cli.asked import train


def test_a_run_is_printed_beside_what_needs_no_training_with_a_verdict(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(folder, "--epochs", "3") == 0
    told = capsys.readouterr().out.splitlines()
    for line in REFERENCES.values():
        assert sum(text.startswith(f"  {line.label} ") for text in told) == 1
    rows = [text.split() for text in told if text.startswith("    ") and text.split()[0].isdigit()]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert all("dB" in row for row in rows)
    (header,) = [text for text in told if text.startswith("epoch   time")]
    assert "SNR gain" in header
    at = header.index("SNR gain") + len("SNR gain")
    assert all(text[:at].endswith(" dB") for text in told if text.startswith("    ") and " dB" in text)
    verdicts = [text.strip() for text in told if "a Wiener filter" in text]
    first_row = next(number for number, text in enumerate(told) if text.split()[:1] == ["0"])
    assert told[first_row + 1].strip() == verdicts[0]
    assert len(verdicts) == len(set(verdicts))
