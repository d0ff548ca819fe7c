"""The columns of an evaluation's table, the same on a terminal, in a report and in the viewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryoden.evaluation.scores import Row, Table

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
    Column("method", "What was done to each half; the best low-pass by r detail has a star.", "", _name),
    Column(
        "r detail",
        "Correlation of a denoised half with the other raw half, without structures wider than 400 px. "
        "Neither blurring nor inventing raises it. Small by nature: the other half is nearly all noise. "
        "What both halves share counts as signal, the ice between particles, too.",
        "cov(De, Ro) of Palovcak et al. 2020, as a correlation",
        lambda _, row: f"{row.mean.detail:z.4f}",
    ),
    Column(
        "r coarse",
        "The same for structures from 20 Å to 400 px, where particles are told from ice; a sharper image "
        "of the water between them does not count.",
        "as r detail",
        lambda _, row: f"{row.mean.coarse:z.3f}",
        brief=False,
    ),
    Column(
        "r whole",
        "The same on all pixels, where a shared slope of the illumination lifts every low-pass.",
        "as r detail",
        lambda _, row: f"{row.mean.whole:z.4f}",
        brief=False,
    ),
    Column(
        "r center",
        "The same on the central 1024 × 1024 px.",
        "as r detail",
        lambda _, row: f"{row.mean.center:z.4f}",
        brief=False,
    ),
    Column(
        "net dB",
        "Signal-to-noise ratio won, at the best scale, from r detail alone: c = r² / r_half is the share of "
        "the output that is signal, and the ratio is c / (1 − c). Needs no truth; lost signal counts "
        "against it.",
        "from r(denoised, other half) = r(denoised, signal) · √r_half; Frank & Al-Ali 1975",
        lambda table, row: _number(table.gain_db(row), "+z.1f"),
    ),
    Column(
        "coarse dB",
        "The same from r coarse.",
        "as net dB",
        lambda table, row: _number(table.gain_db(row, "coarse"), "+z.1f"),
    ),
    Column(
        "SNR dB",
        "Signal over the noise that is left, against the raw half. Blurring raises it without end, so read "
        "it beside the bias.",
        "SNR of Palovcak et al. 2020",
        lambda _, row: _number(row.mean.gain_db, "+z.1f"),
    ),
    Column(
        "B/S",
        "Power of what denoising changed about the signal, over the signal: 0 is nothing, 1 is all of it "
        "lost, above 1 is invention or an output that is too strong.",
        "bias of Palovcak et al. 2020",
        lambda _, row: _number(row.mean.bias_ratio, "z.2f"),
    ),
    Column(
        "invented",
        "Share of what the two denoised halves have in common that the raw halves do not hold, shell by "
        "shell: 0 for any filter that treats directions alike, 1 for structure of other origin.",
        "from P(De, Do) = P(De, Ro)² / P(Re, Ro) where all of it is signal; terms of Palovcak et al. 2020",
        lambda _, row: f"{row.mean.invented:z.2f}",
    ),
    Column(
        "FRC 1/7",
        "Wavelength at which the Fourier ring correlation of a denoised half with the other raw half falls "
        "below 1/7. A filter that treats directions alike cannot change it.",
        "Saxton & Baumeister 1982; Rosenthal & Henderson 2003",
        lambda table, row: _number(row.mean.resolution, "z.1f") + _unit(table, row.mean.resolution),
        brief=False,
    ),
    Column(
        "noise",
        "Power the method makes of white noise, over what it makes of the micrograph.",
        "trust check; on the central 1024 × 1024 px",
        lambda _, row: _share(row, "noise"),
    ),
    Column(
        "phases",
        "The same for the micrograph with the phases of its fine structure made random; 1.00 for any linear "
        "filter.",
        "Chen et al. 2013; on the central 1024 × 1024 px",
        lambda _, row: _share(row, "phases"),
        brief=False,
    ),
    Column(
        "lattice",
        "Strongest pattern that repeats every 2, 4 or 8 px, over its surroundings; about 1 is none.",
        "Odena et al. 2016",
        lambda _, row: f"{row.mean.checkerboard:z.2f}",
        brief=False,
    ),
    Column(
        "s",
        "Seconds for one half, on this machine.",
        "",
        lambda _, row: _number(row.mean.seconds, "z.2f"),
    ),
)
TRUTH_COLUMNS = (
    Column(
        "truth dB",
        "Signal-to-noise ratio won against the clean micrograph, at the best scale: r² / (1 − r²).",
        "Frank & Al-Ali 1975",
        lambda _, row: _number(row.mean.truth_db, "+z.1f"),
    ),
    Column(
        "truth FRC",
        "Wavelength at which the Fourier ring correlation with the clean micrograph falls below 1/7.",
        "Saxton & Baumeister 1982",
        lambda table, row: (
            _number(row.mean.truth_resolution, "z.1f") + _unit(table, row.mean.truth_resolution)
        ),
        brief=False,
    ),
)


def columns(table: Table) -> tuple[Column, ...]:
    """Return the columns a table has something for."""
    return COLUMNS + (TRUTH_COLUMNS if table.raw.mean.truth_db is not None else ())
