"""The command line. Exit status: 0 done, 1 error, 2 wrong usage, 3 finished with failures.

Stopped by Ctrl-C or another signal, it is 128 and the signal's number: 130, 143.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import tyro
from tyro.conf import CascadeSubcommandArgs, FlagCreatePairsOff, OmitArgPrefixes, OmitSubcommandPrefixes

from cryoden.cli.command_halves import MovieHalves, halves
from cryoden.cli.command_hosts import Cryosparc, Relion, cryosparc, relion
from cryoden.cli.command_pick import Pick, evaluate_picking, pick
from cryoden.cli.endings import BROKEN_PIPE, DONE, ERROR, FAILURES, SIGNALS, USAGE, leave, say
from cryoden.cli.flags import Cryoden, Demo, Info, Simulate, Thin, Train
from cryoden.cli.flags_denoise import Denoise, Evaluate
from cryoden.cli.flags_runs import Baseline, Compare, Export, PatchSets, Report
from cryoden.errors import CryodenError, SettingsError, in_words, printable
from cryoden.io.provenance import VERSION
from cryoden.model.general import GENERAL
from cryoden.settings.commands import answered, lists_in

STYLE = (OmitSubcommandPrefixes, OmitArgPrefixes, CascadeSubcommandArgs, FlagCreatePairsOff)


def program() -> None:
    """Run a command and end the process with its exit status.

    After a signal it ends at once: torch aborts a process that leaves while its threads compute.
    """
    status = main()
    if SIGNALS.received:
        leave(status)
    sys.exit(status)


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
    with SIGNALS.caught():
        return _ended(arguments)


def _ended(arguments: Sequence[str] | None) -> int:
    """Run the command and return its exit status, whatever happens."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return DONE if _is_version(given) or answered(Cryoden, given) else _run(_read(given))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else USAGE
        return _refused(status, given) if end.code else DONE
    except CryodenError as error:
        say(str(error))
        return USAGE if isinstance(error, SettingsError) or error.code == "D01" else ERROR
    except KeyboardInterrupt:
        say("Stopped. Nothing was left half-written.")
        return SIGNALS.exit_status
    except BrokenPipeError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001  whatever it is, the user reads one line about it
        say(in_words(error))
        return ERROR


def _is_version(arguments: Sequence[str]) -> bool:
    """Print the version where that was asked for; tell whether it was."""
    if not {"--version"} <= set(arguments) <= {"--version", "--json"}:
        return False
    print(json.dumps({"version": VERSION}) if "--json" in arguments else f"cryoden {VERSION}")  # noqa: T201 - the output
    return True


def _read(arguments: Sequence[str]) -> Cryoden:
    return tyro.cli(Cryoden, args=arguments, prog="cryoden", config=STYLE)


def _refused(status: int, arguments: Sequence[str]) -> int:
    """Return the exit status of wrong usage; a program that waits for a mark of it finds one."""
    if "relion" in arguments:
        from cryoden.hosts.relion_job import refused  # noqa: PLC0415 - numpy only where it is needed

        refused(arguments)
    return status


def _escape_what_cannot_be_shown() -> None:
    """Print Å as an escape where the terminal's encoding lacks it, in place of ending in an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(asked: Cryoden) -> int:
    if lists := lists_in(asked.command):
        from cryoden.cli.show_files import show_outside  # noqa: PLC0415 - numpy only where it is needed

        show_outside(lists)
    run = COMMANDS[type(asked.command)]
    return run(asked.command, as_json=asked.json)


def _info(asked: Info, *, as_json: bool) -> int:
    from cryoden.cli import show_files  # noqa: PLC0415 - numpy only where it is needed

    return DONE if show_files.show(asked.paths, asked.reading, as_json=as_json) else FAILURES


def _train(asked: Train, *, as_json: bool) -> int:
    from cryoden.cli import command_train  # noqa: PLC0415 - torch only where it is needed

    return command_train.train(asked, as_json=as_json)


def _denoise(asked: Denoise, *, as_json: bool) -> int:
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.events.shown_results import ShownResults  # noqa: PLC0415 - the same
    from cryoden.hosts.listed_results import lists_of, with_lists  # noqa: PLC0415 - the same
    from cryoden.workflows.denoise_micrographs import BatchRequest  # noqa: PLC0415 - the same
    from cryoden.workflows.pictures import check_sheet, contact_sheet  # noqa: PLC0415 - the same
    from cryoden.workflows.session import denoise_session  # noqa: PLC0415 - the same

    batch = BatchRequest(
        asked.model or GENERAL, asked.denoising, asked.reading, asked.overwrite, asked.halves
    )
    shown, sheet = ShownResults(), asked.contact_sheet
    if sheet is not None:
        check_sheet(sheet, overwrite=asked.overwrite, output=asked.output)
    events = denoise_session(asked.paths, asked.output, batch, asked.workers, watch=asked.watch)
    lists = lists_of(asked.paths, asked.output)
    listed = with_lists(events, lists, names=asked.names, overwrite=asked.overwrite)
    ended = console.follow_batch(shown.passed(listed), as_json=as_json)
    if sheet is not None and shown.count:
        console.follow_share(
            "contact sheet", contact_sheet(shown, sheet, asked.reading, overwrite=asked.overwrite)
        )
        say(f"Written: {printable(sheet)}")
    return FAILURES if ended.failed else DONE


def _thin(asked: Thin, *, as_json: bool) -> int:
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.workflows import thinning  # noqa: PLC0415 - torch only where it is needed

    events = thinning.thin_files(
        asked.paths, asked.out, asked.thinning, reading=asked.reading, overwrite=asked.overwrite
    )
    return FAILURES if console.follow_batch(events, as_json=as_json).failed else DONE


def _evaluate(asked: Evaluate, *, as_json: bool) -> int:
    if asked.picks:
        return evaluate_picking(asked, as_json=as_json)
    from cryoden.cli import show_evaluation  # noqa: PLC0415 - numpy only where it is needed
    from cryoden.dataset import companions  # noqa: PLC0415 - numpy only where it is needed
    from cryoden.evaluation import json_file, report  # noqa: PLC0415 - numpy only where it is needed
    from cryoden.evaluation.evaluate import EvaluationRequest  # noqa: PLC0415 - the same for torch
    from cryoden.evaluation.evaluate_on_workers import evaluate_anywhere  # noqa: PLC0415 - the same
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
    ended = show_evaluation.follow(evaluate_anywhere(question, asked.workers), as_json=as_json)
    if asked.figures is not None:
        json_file.write(ended.table, asked.figures, overwrite=asked.overwrite)
    if asked.report is not None:
        report.write(ended.table, ended.pictures, asked.report, overwrite=asked.overwrite)
    for path in wanted:
        say(f"Written: {printable(path)}")
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
    Pick: pick,
    **dict.fromkeys((PatchSets, Baseline, Compare, Export, Report), _about_runs),
    Relion: relion,
    MovieHalves: halves,
    Cryosparc: cryosparc,
    Demo: _demo,
}

if __name__ == "__main__":
    program()
