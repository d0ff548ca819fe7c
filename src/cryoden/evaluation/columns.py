"""The columns of an evaluation's table, the same on a terminal, in a report and in the viewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryoden.evaluation.bands import BANDS
from cryoden.evaluation.scores import Row, Table, Values
from cryoden.events.snr_gain import SNR_GAIN

NONE = "–"


@dataclass(frozen=True)
class Column:
    """One figure of the table.

    Parameters
    ----------
    title : str
        Heading, short.
    means : str
        What it is and how it is read.
    source : str
        Where the method is from; empty for plain facts.
    text : callable
        From the table and a row to what stands in the cell.
    brief : bool
        Whether it is among the few that fit on a terminal.
    """

    title: str
    means: str
    source: str
    text: Callable[[Table, Row], str]
    brief: bool = True


def _name(table: Table, row: Row) -> str:
    return f"{row.name} *" if row is table.best_low_pass() else row.name


def _number(value: float | None, form: str) -> str:
    return NONE if value is None else format(value, form)


def _unit(table: Table, value: float | None) -> str:
    return "" if value is None else f" {table.unit}"


def _share(row: Row, which: str) -> str:
    return NONE if row.checks is None else _number(getattr(row.checks, which), "z.2f")


COLUMNS = (
    Column("method", "What was applied to each half; * marks the best low-pass by CC high-pass.", "", _name),
    Column(
        "CC high-pass",
        (
            "Correlation of a denoised half with the other raw half, high-passed at 400 px. Neither "
            "blurring nor hallucination raises it. Always small, as the other half is nearly all "
            "noise. Everything the halves share counts as signal, including the ice between "
            "particles."
        ),
        "cov(De, Ro) of Palovcak et al. 2020, as a correlation",
        lambda _, row: f"{row.mean.detail:z.4f}",
    ),
    Column(
        "CC particle band",
        (
            "The same for structures of 340 to 20 Å, which make particles visible; a sharper "
            "image of the ice between them does not count."
        ),
        "as CC high-pass",
        lambda _, row: f"{row.mean.coarse:z.3f}",
        brief=False,
    ),
    Column(
        "CC all",
        "The same without the high-pass; a shared illumination gradient favors every low-pass.",
        "as CC high-pass",
        lambda _, row: f"{row.mean.whole:z.4f}",
        brief=False,
    ),
    Column(
        "CC center",
        "CC all on the central 1024 × 1024 px.",
        "as CC high-pass",
        lambda _, row: f"{row.mean.center:z.4f}",
        brief=False,
    ),
    Column(
        "SNR gain",
        SNR_GAIN,
        "from r(denoised, other half) = r(denoised, signal) · √r_half; Frank & Al-Ali 1975",
        lambda table, row: _number(table.gain_db(row), "+z.1f"),
    ),
    Column(
        "SNR gain (high-pass)",
        "The same from CC high-pass: with the ice between the particles.",
        "as SNR gain",
        lambda table, row: _number(table.gain_db(row, "detail"), "+z.1f"),
        brief=False,
    ),
    Column(
        "calibration",
        (
            "Regression of the other raw half on the denoised one in the particle band: 1 where the "
            "output is as strong as what it shows is certain; less where it promises more than it "
            "holds. That of the raw half is the signal's share of its power."
        ),
        "cov(De, Ro) / var(De); least squares",
        lambda _, row: _number(row.mean.slope, "z.2f"),
    ),
    Column(
        "SNR (Palovcak)",
        (
            "SNR_den / SNR_raw of Palovcak et al., in dB: signal over remaining noise, relative to the "
            "raw half. No SNR gain: stronger blurring keeps raising it, so read it together with B/S."
        ),
        "Palovcak et al. 2020",
        lambda _, row: _number(row.mean.palovcak_db, "+z.1f"),
        brief=False,
    ),
    Column(
        "B/S",
        (
            "Bias over signal: power of the signal that was changed, over the power of the signal. "
            "0: unchanged; 1: all lost; above 1: hallucination, or an output that is too strong."
        ),
        "Palovcak et al. 2020",
        lambda _, row: _number(row.mean.bias_ratio, "z.2f"),
        brief=False,
    ),
    Column(
        "hallucinated",
        (
            "Hallucinated fraction of the signal the two denoised halves share: what the raw halves "
            "do not contain, shell by shell. 0 for any isotropic filter, 1 for structure of another "
            "origin."
        ),
        "from P(De, Do) = P(De, Ro)² / P(Re, Ro) where all of it is signal; terms of Palovcak et al. 2020",
        lambda _, row: f"{row.mean.hallucinated:z.2f}",
    ),
    Column(
        "FRC 0.143",
        (
            "Resolution at which the FRC of a denoised half with the other raw half falls below 1/7. "
            "An isotropic filter cannot change it."
        ),
        "Saxton & Baumeister 1982; Rosenthal & Henderson 2003",
        lambda table, row: _number(row.mean.resolution, "z.1f") + _unit(table, row.mean.resolution),
        brief=False,
    ),
    Column(
        "pure noise",
        "Output power for pure white noise, relative to that for the micrograph.",
        "on the central 1024 × 1024 px",
        lambda _, row: _share(row, "noise"),
    ),
    Column(
        "phase-randomized",
        (
            "The same for the micrograph with phases randomized at high resolution; 1.00 for any "
            "linear filter."
        ),
        "Chen et al. 2013; on the central 1024 × 1024 px",
        lambda _, row: _share(row, "phases"),
        brief=False,
    ),
    Column(
        "checkerboard",
        (
            "Strongest periodic pattern (2, 4 or 8 px) relative to its surroundings in the power "
            "spectrum; about 1 means none, about 2 a faint one of 0.5 % of the standard deviation."
        ),
        "Odena et al. 2016",
        lambda _, row: f"{row.mean.checkerboard:z.2f}",
        brief=False,
    ),
    Column(
        "time (s)",
        "Seconds per half, on this machine.",
        "",
        lambda _, row: _number(row.mean.seconds, "z.2f"),
    ),
)
TRUTH_COLUMNS = (
    Column(
        "SNR gain (truth)",
        (
            "Gain in signal-to-noise ratio measured against the clean micrograph, in dB: SNR = CC² / "
            "(1 − CC²)."
        ),
        "Frank & Al-Ali 1975",
        lambda _, row: _number(row.mean.truth_db, "+z.1f"),
    ),
    Column(
        "FRC 0.143 (truth)",
        "Resolution at which the FRC with the clean micrograph falls below 1/7.",
        "Saxton & Baumeister 1982",
        lambda table, row: (
            _number(row.mean.truth_resolution, "z.1f") + _unit(table, row.mean.truth_resolution)
        ),
        brief=False,
    ),
)


def band_columns(table: Table) -> tuple[Column, ...]:
    """Return CC and calibration in each band, those columns a table has something for."""
    found = [
        column
        for place, band in enumerate(BANDS)
        if any(_at(row.mean.bands, place) is not None for row in table.rows)
        for column in _of_band(f"{band.coarse:g}–{band.fine:g} {table.unit}", place)
    ]
    return (COLUMNS[0], *found) if found else ()


def _of_band(name: str, place: int) -> tuple[Column, Column]:
    return (
        Column(f"CC {name}", "", "", lambda _, row: _number(_at(row.mean.bands, place), "z.3f")),
        Column("calibration", "", "", lambda _, row: _number(_at(row.mean.slopes, place), "z.2f")),
    )


def _at(values: Values, place: int) -> float | None:
    return values[place] if place < len(values) else None


def columns(table: Table) -> tuple[Column, ...]:
    """Return the columns a table has something for."""
    return COLUMNS + (TRUTH_COLUMNS if table.raw.mean.truth_db is not None else ())
