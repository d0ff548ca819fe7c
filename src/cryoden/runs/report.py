"""A run as a page to read: Markdown, and the same as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cryoden.events.history import History, clock, length
from cryoden.events.reference_lines import REFERENCES
from cryoden.events.training import TrainingEvent
from cryoden.reporting.markdown import facts
from cryoden.reporting.markdown import write as write_page
from cryoden.runs.folder import RunFolder
from cryoden.runs.loss_plot import draw
from cryoden.runs.record import RunRecord, read
from cryoden.runs.report_sections import sections
from cryoden.settings.fields import fields_of

Rows = Mapping[str, str]
SEEN = 8  # names of micrographs that are listed


def finished(folder: RunFolder, events: Iterable[TrainingEvent]) -> Iterator[TrainingEvent]:
    """Pass events on; however the run ends, its folder then has its plot and its report."""
    try:
        yield from events
    finally:
        if folder.record.is_file():
            write(folder)


def write(folder: RunFolder) -> None:
    """Draw the losses and write both reports anew.

    Raises
    ------
    RunError
        R01 to R03 for a folder that holds no whole run.
    OutputError
        O02, O03 or O06 when they cannot be written.
    """
    record = read(folder.path)
    history = record.history()
    draw(history, folder.plot)
    text = report(record, history)
    for path in (folder.text, folder.report):
        write_page(text, path, title=f"Run {record.name}", pictures=folder.path.glob("*.png"))


def report(record: RunRecord, history: History) -> str:
    """Return the report as Markdown; pictures are files beside it."""
    parts = [f"# Run {record.name}", _summary(record, history), f"![Losses]({record.folder.plot.name})"]
    for title, text in (
        ("Results on held-out data", facts(_results(record, history))),
        ("Quality of the kept epoch", facts(_quality(history))),
        *sections(record, history),
        ("The run", facts(_run(record, history))),
        ("The data", facts(_data(record))),
        ("Settings", facts(_settings(record))),
    ):
        parts += [f"## {title}", text]
    return "\n\n".join([*parts, _meaning(record)]) + "\n"


def _summary(record: RunRecord, history: History) -> str:
    verdict = f"Its verdict: {history.verdict.words}." if history.verdict else ""
    how = record.message.rstrip(".") or f"The run is {record.state}"
    return f"{how}. {verdict}".strip()


def _results(record: RunRecord, history: History) -> Rows:
    known, size = record.started.references, record.started.pixel_size
    more = {"gaussian": f", σ {length(known.sigma, size)}"}
    if known.floor is not None:
        more["floor"] = f" ± {known.error:.4f}"
    rows = {line.label: f"{_loss(getattr(known, of))}{more.get(of, '')}" for of, line in REFERENCES.items()}
    rows["before the first step"] = _loss(record.figure("first", "validation_loss"))
    if history.best:
        rows[f"kept, epoch {history.best.epoch}"] = f"**{_loss(history.best.validation_loss)}**"
    return rows | {"last epoch": _loss(record.figure("last", "validation_loss"))}


def _quality(history: History) -> Rows:
    if history.best is None or history.started is None:
        return {"no epoch was kept": ""}
    of, raw, size = history.best.quality, history.started.references, history.pixel_size
    rows = {"r with the raw target": f"{history.best.correlation:z.4f} (raw halves: {raw.r_half:z.4f})"}
    if of.gain is not None and of.bias is not None:
        rows |= {"SNR gained": f"{of.gain:+z.1f} dB", "signal changed or lost (B/S)": f"{of.bias:.2f}"}
    detail = f"{length(of.resolution, size)} (raw halves: {length(raw.resolution, size)})"
    return rows | {
        "FRC, mean": f"{of.frc:z.3f} (raw halves: {raw.frc:z.3f})",
        "FRC falls below 1/7 at": detail,
    }


def _run(record: RunRecord, history: History) -> Rows:
    started, steps = record.started, int(record.about["steps"])
    memory = history.epochs[-1].gpu_bytes if history.epochs else None
    return {
        "began": record.began,
        "state": record.state,
        "kind": started.mode,
        "network": f"{started.settings.network}, {started.parameters:,} parameters",
        "device": f"{started.device}, {started.precision}",
        "steps": f"{steps:,} in {len(history.epochs) - 1:,} epochs of {started.steps_per_epoch:,}",
        "time": f"{clock(record.seconds)} ({steps / record.seconds:.1f} step/s)" if record.seconds else "–",
        "GPU memory": f"{memory[0] / 2**30:.2f} GiB at most" if memory else "none used",
        "started from": f"model {record.about['start'][:12]}" if record.about["start"] else "a fresh network",
        "versions": ", ".join(f"{name} {number}" for name, number in record.about["versions"].items()),
    }


def _data(record: RunRecord) -> Rows:
    started = record.started
    pixel = f"{started.pixel_size:g} Å/px" if started.pixel_size else "not known"
    working = f"{started.working_pixel:g} Å/px" if started.working_pixel else "the micrographs' own"
    rows = {
        "trained on": _names(started.training),
        "held out": _names(started.validation),
        "pixel size": pixel,
        "working pixel": working,
        "patch": f"{started.patch} px",
    }
    return rows | {f"remark {place}": words for place, words in enumerate(started.warnings, start=1)}


def _settings(record: RunRecord) -> Rows:
    chosen = record.started.settings
    return {
        name: f"{getattr(chosen, name)} {setting.unit}".strip()
        for name, (_, setting) in fields_of(type(chosen)).items()
    }


def _meaning(record: RunRecord) -> str:
    scored = (
        "a micrograph has variance 1" if record.started.scale == "z-score" else "gray values run from 0 to 1"
    )
    scale = f"Losses are mean squared errors on held-out data on a scale where {scored}."
    alone = (
        "A loss alone is no evidence of denoising: only what lies below the best linear filter is more "
        "than a blur, and a loss that falls many times over may have begun far above doing nothing."
    )
    lines = ["## What this shows, and what it does not", f"{scale} {alone}"]
    if record.started.references.floor is not None:
        lines.append(
            "Between two noisy halves no network gets below the noise floor, so the gain is the distance "
            "from the filter toward the floor, however small it looks."
        )
    lines.append(
        "Whether details can be believed is asked by `cryoden evaluate`, with noise and scrambled phases."
    )
    return "\n\n".join(lines)


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SEEN:,} more" if len(names) > SEEN else ""
    return ", ".join(names[:SEEN]) + more


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
