from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.events.reference_lines import GAIN_REFERENCES, REFERENCES
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


def test_a_run_on_halves_is_printed_by_its_snr_gain_in_the_particle_band(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(folder, "--epochs", "2") == 0
    told = capsys.readouterr().out.splitlines()
    heading = next(text for text in told if text.startswith("epoch"))
    ends = heading.index("CC band") + len("CC band")
    labels = {line.label for line in GAIN_REFERENCES.values()}
    beside = [text[44:].split() for text in told if text[2:34].strip() in labels]
    assert [words[2] for words in beside] == ["dB"] * 3
    assert float(beside[0][1]) == 0  # the raw input
    assert any(text.startswith("CC band: CC with the other raw half") for text in told)
    rows = [text for text in told if text.startswith("    ") and text.split()[0].isdigit()]
    figures = [float(row[ends - 7 : ends]) for row in rows]
    assert all(0 < value < 1 for value in (*figures, *(float(words[0]) for words in beside)))
    gains = [row.split(" dB")[0].split()[-1] for row in rows]
    assert max(len(text) for text in told if not text.startswith(("training: ", "Model: "))) <= 80
    assert any(f"(SNR gain {gain} dB) kept." in text for gain in gains for text in told)
