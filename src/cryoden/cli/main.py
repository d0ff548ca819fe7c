"""The command line. Exit status: 0 done, 1 error, 2 wrong usage, 3 finished with failures."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro
from tyro.conf import CascadeSubcommandArgs, FlagCreatePairsOff, OmitArgPrefixes, OmitSubcommandPrefixes

from cryoden.cli.flags import Cryoden, Demo, Denoise, Evaluate, Info, Simulate, Thin, Train
from cryoden.cli.flags_runs import Baseline, Compare, Export, PatchSets, Report
from cryoden.errors import CryodenError, SettingsError, TrainingError, in_words, printable
from cryoden.model.general import GENERAL

if TYPE_CHECKING:
    from cryoden.events.training import TrainingEvent

STYLE = (OmitSubcommandPrefixes, OmitArgPrefixes, CascadeSubcommandArgs, FlagCreatePairsOff)
DONE, ERROR, USAGE, FAILURES, STOPPED, BROKEN_PIPE = 0, 1, 2, 3, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``cryoden``; the process's own by default.

    Returns
    -------
    int
        The exit status.
    """
    _escape_what_cannot_be_shown()
    try:
        asked = tyro.cli(Cryoden, args=arguments, prog="cryoden", config=STYLE)
        return _run(asked)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USAGE
    except CryodenError as error:
        _say(str(error))
        return USAGE if isinstance(error, SettingsError) or error.code == "D01" else ERROR
    except KeyboardInterrupt:
        _say("Stopped. Nothing was left half-written.")
        return STOPPED
    except BrokenPipeError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (OSError, MemoryError, RuntimeError) as error:
        _say(in_words(error))
        return ERROR


def _escape_what_cannot_be_shown() -> None:
    """Print Å as an escape where the terminal's encoding lacks it, in place of ending in an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(sentence: str) -> None:
    with suppress(OSError):  # nobody may be listening any more
        print(sentence, file=sys.stderr)  # noqa: T201 - the one place errors are printed


def _run(asked: Cryoden) -> int:
    run = COMMANDS[type(asked.command)]
    return run(asked.command, as_json=asked.json)


def _info(asked: Info, *, as_json: bool) -> int:
    from cryoden.cli import show_files  # noqa: PLC0415 - numpy only where it is needed

    return DONE if show_files.show(asked.paths, asked.reading, as_json=as_json) else FAILURES


def _train(asked: Train, *, as_json: bool) -> int:
    from cryoden.cli import console, show_training  # noqa: PLC0415 - torch only where it is needed
    from cryoden.runs.folder import RunFolder  # noqa: PLC0415 - the same

    if bool(asked.halves) == bool(asked.noisy or asked.target):
        raise SettingsError(
            "S03", None, "give either --halves, or --noisy and --target", fix="See cryoden train --help"
        )
    if (asked.model is None) is (asked.run is None):
        raise SettingsError(
            "S03", None, "give either --model or --run to save the model", fix="See cryoden train --help"
        )
    if asked.reading.nan == "mean":
        fix = "Repeat the processing step that wrote the file; for denoising, use --nan mean"
        raise SettingsError("S03", None, "--nan mean works for denoising only, not for training", fix=fix)
    written = asked.model or RunFolder(asked.run or Path()).model
    before = _stamp(written)
    with closing(_training(asked)) as events:
        try:
            ended = show_training.follow_training(events, as_json=as_json)
        except KeyboardInterrupt:
            events.close()
            kept = (
                "The best model so far is saved in"
                if _stamp(written) != before
                else "No epoch was completed: nothing was saved in"
            )
            _say(f"Stopped. {kept} {printable(written)}.")
            return STOPPED
    if ended.best_epoch == 0:
        raise TrainingError("T01", None, ended.message, kept="No model was saved")
    if not as_json:
        console.OUT.print(f"Model: {printable(written)}", soft_wrap=True, markup=False)
    return DONE if ended.reason in {"completed", "plateau"} else FAILURES


def _stamp(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns
    return None


def _training(asked: Train) -> Generator[TrainingEvent, None, None]:
    from cryoden.dataset import folder_walk, opening  # noqa: PLC0415 - torch only where it is needed
    from cryoden.events.training import PhaseStarted  # noqa: PLC0415 - the same
    from cryoden.runs.folder import RunFolder  # noqa: PLC0415 - the same
    from cryoden.workflows import train_model  # noqa: PLC0415 - torch only where it is needed

    yield PhaseStarted("finding and checking the micrographs")
    if left_out := folder_walk.left_out_below((*asked.halves, *asked.noisy, *asked.target), results=False):
        yield PhaseStarted(left_out)
    keep = asked.model if asked.run is None else RunFolder(asked.run)
    options: dict[str, Any] = {"start": asked.fine_tune_from, "overwrite": asked.overwrite}
    if asked.halves:
        halves = opening.open_halves(asked.halves, asked.reading, skip_bad=asked.training.skip_bad_pairs)
        yield from train_model.train_halves(halves, keep, asked.training, **options)
    else:
        pairs = opening.open_supervised(asked.noisy, asked.target, asked.reading)
        yield from train_model.train_supervised(pairs, keep, asked.training, **options)


def _denoise(asked: Denoise, *, as_json: bool) -> int:
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.workflows import denoise_micrographs  # noqa: PLC0415 - torch only where it is needed

    batch = denoise_micrographs.BatchRequest(
        asked.model or GENERAL, asked.denoising, asked.reading, asked.overwrite
    )
    ended = console.follow_batch(
        denoise_micrographs.denoise_files(asked.paths, asked.output, batch), as_json=as_json
    )
    return FAILURES if ended.failed else DONE


def _thin(asked: Thin, *, as_json: bool) -> int:
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.workflows import thinning  # noqa: PLC0415 - torch only where it is needed

    events = thinning.thin_files(
        asked.paths, asked.out, asked.thinning, reading=asked.reading, overwrite=asked.overwrite
    )
    return FAILURES if console.follow_batch(events, as_json=as_json).failed else DONE


def _evaluate(asked: Evaluate, *, as_json: bool) -> int:
    from cryoden.cli import show_evaluation  # noqa: PLC0415 - numpy only where it is needed
    from cryoden.dataset import companions  # noqa: PLC0415 - numpy only where it is needed
    from cryoden.evaluation import json_file, report  # noqa: PLC0415 - numpy only where it is needed
    from cryoden.evaluation.evaluate import EvaluationRequest, evaluate_files  # noqa: PLC0415 - the same for torch
    from cryoden.io.atomic import check_destination  # noqa: PLC0415 - the same

    others = companions.named(asked.other)
    question = EvaluationRequest(
        (*asked.paths, *asked.halves),
        asked.model or (GENERAL,),
        others,
        asked.truth,
        asked.evaluation,
        asked.reading,
    )
    wanted = [path for path in (asked.figures, asked.report) if path is not None]
    for path in wanted:
        check_destination(path, overwrite=asked.overwrite, inputs=asked.model)
    ended = show_evaluation.follow(evaluate_files(question), as_json=as_json)
    if asked.figures is not None:
        json_file.write(ended.table, asked.figures, overwrite=asked.overwrite)
    if asked.report is not None:
        report.write(ended.table, ended.pictures, asked.report, overwrite=asked.overwrite)
    for path in wanted:
        _say(f"Written: {printable(path)}")
    return DONE


def _simulate(asked: Simulate, *, as_json: bool) -> int:
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.simulation import files  # noqa: PLC0415 - torch only where it is needed

    options: dict[str, Any] = {"structures": asked.structure, "overwrite": asked.overwrite}
    events = files.simulate_files(asked.output, asked.simulating, **options)
    console.follow_batch(events, as_json=as_json)
    return DONE


def _about_runs(asked: Any, *, as_json: bool) -> int:
    from cryoden.cli import commands_runs  # noqa: PLC0415 - torch only where it is needed

    return DONE if commands_runs.done(asked, as_json=as_json) else FAILURES


def _demo(asked: Demo, *, as_json: bool) -> int:
    from cryoden.cli import console, show_training  # noqa: PLC0415 - torch only where it is needed
    from cryoden.workflows import demo  # noqa: PLC0415 - torch only where it is needed

    show_training.follow_training(demo.train(asked.output, asked.training), as_json=as_json)
    ended = console.follow_batch(demo.denoise(asked.output), as_json=as_json)
    return FAILURES if ended.failed else DONE


COMMANDS: dict[type, Callable[..., int]] = {
    Info: _info,
    Train: _train,
    Denoise: _denoise,
    Thin: _thin,
    Simulate: _simulate,
    Evaluate: _evaluate,
    **dict.fromkeys((PatchSets, Baseline, Compare, Export, Report), _about_runs),
    Demo: _demo,
}

if __name__ == "__main__":
    sys.exit(main())
