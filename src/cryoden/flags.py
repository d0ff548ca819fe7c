"""The grammar of the command line: what can be asked, in words a user reads with ``--help``.

The flags of training, denoising and reading are derived from the settings classes, so that
help, unit, default and range stand in one place. Imports neither torch, numpy nor mrcfile:
``--help`` has to be instant.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from tyro.conf import FlagCreatePairsOff, Positional, arg, create_mutex_group, subcommand

from cryoden.settings import (
    DenoisingSettings,
    EvaluationSettings,
    ReadingSettings,
    Setting,
    TrainingSettings,
    described,
)

Settings = TypeVar("Settings")

HOW_LONG = create_mutex_group(required=False, title="how long (one of the two)")
TOGETHER = {"minutes": (HOW_LONG,), "epochs": (HOW_LONG,)}


def _flags(kind: type[Settings], title: str) -> Callable[..., Settings]:
    """Return a function tyro can call, whose parameters are the fields of a settings class.

    Everyday fields stand in a help box named ``title``, expert fields in a second one.
    """
    groups = {title: _group(kind, expert=False), f"expert_{title}": _group(kind, expert=True)}
    groups = {name: group for name, group in groups.items() if fields(group)}

    def build(**answers: Any) -> Settings:
        return kind(**{name: value for group in answers.values() for name, value in vars(group).items()})

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, keyword, annotation=group) for name, group in groups.items()]
    build.__annotations__ = dict(groups)
    build.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions take any
    return build


def _group(kind: type, *, expert: bool) -> Any:
    defaults = {field.name: field.default for field in fields(kind)}
    chosen = [
        (name, Annotated[(plain, _flag(setting, defaults[name]), *TOGETHER.get(name, ()))], defaults[name])
        for name, (plain, setting) in described(kind).items()
        if setting.expert is expert
    ]
    return make_dataclass("Group", chosen, frozen=True)


def _flag(setting: Setting, default: Any) -> Any:
    facts = [] if isinstance(default, bool) else [f"default: {_number(default)} {setting.unit}".rstrip()]
    if setting.low is not None and setting.high is not None:
        grid = f", in steps of {setting.multiple}" if setting.multiple > 1 else ""
        facts.append(f"{_number(setting.low)} to {_number(setting.high)}{grid}")
    return arg(help=setting.help + ".", help_behavior_hint=f"({'; '.join(facts)})" if facts else "")


def _number(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def _settings(kind: type[Settings], title: str) -> Any:
    return arg(name="", prefix_name=False, constructor=_flags(kind, title))


Reading = Annotated[ReadingSettings, _settings(ReadingSettings, "reading")]
Training = Annotated[TrainingSettings, _settings(TrainingSettings, "training")]
Denoising = Annotated[DenoisingSettings, _settings(DenoisingSettings, "denoising")]
Evaluation = Annotated[EvaluationSettings, _settings(EvaluationSettings, "evaluation")]
Paths = tuple[Path, ...]


@dataclass(frozen=True)
class Info:
    """Say what MRC files are, and which of them make pairs of halves.

    Size, pixel type, pixel size, what is odd, and how well halves correlate.
    """

    paths: Annotated[
        Positional[Paths],
        arg(metavar="PATH...", help="MRC files, or folders of them.", help_behavior_hint=""),
    ]
    reading: Reading


@dataclass(frozen=True)
class Train:
    """Train a network on your own micrographs and write it to a model file.

    On halves (Noise2Noise): even and odd sums of one exposure, found by name.
      cryoden train --halves average/ --model apo.safetensors

    Or supervised: noisy micrographs and what they should look like.
      cryoden train --noisy raw/ --target sums/ --model m.safetensors

    Ctrl-C stops and keeps the best model so far.
    """

    model: Annotated[Path, arg(metavar="FILE", help="Model file to write.")]
    training: Training
    reading: Reading
    halves: Annotated[
        Paths, arg(metavar="PATH...", help="Folders or MRC files with both halves.", help_behavior_hint="")
    ] = ()
    noisy: Annotated[
        Paths, arg(metavar="PATH...", help="Noisy micrographs, folders or files.", help_behavior_hint="")
    ] = ()
    target: Annotated[
        Paths,
        arg(
            metavar="PATH...",
            help="What they are compared with: same number, names that differ by one tag.",
            help_behavior_hint="",
        ),
    ] = ()
    start: Annotated[
        Path | None, arg(metavar="MODEL", help="Go on from this model file.", help_behavior_hint="")
    ] = None
    overwrite: Annotated[bool, arg(help="Replace the model file if it exists.", help_behavior_hint="")] = (
        False
    )


@dataclass(frozen=True)
class Denoise:
    """Denoise micrographs with a trained model.

    NAME.mrc gives NAME_denoised.mrc in the output folder, with its header.

    Files that cannot be denoised are named and skipped; the exit status is 3.
    """

    paths: Annotated[
        Positional[Paths],
        arg(metavar="PATH...", help="MRC files, or folders of them.", help_behavior_hint=""),
    ]
    model: Annotated[Path, arg(metavar="FILE", help="Model file to denoise with.")]
    output: Annotated[Path, arg(metavar="FOLDER", help="Folder for the results.")]
    denoising: Denoising
    reading: Reading
    overwrite: Annotated[bool, arg(help="Replace results that exist.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Evaluate:
    """Say whether denoised micrographs can be believed, and are better than simple filters.

    Compares doing nothing, low-passes, a Wiener filter, models, and other programs' files.
      cryoden evaluate average/ --model mine.safetensors --report mine.html
      cryoden evaluate average/ --model a.safetensors --other topaz=by_topaz/

    Files of other programs hold the names of the raw halves, as in m1_EVN.mrc and by_topaz/m1_EVN.mrc.
    """

    evaluation: Evaluation
    reading: Reading
    paths: Annotated[
        Positional[Paths],
        arg(metavar="PATH...", help="Folders or MRC files with both halves.", help_behavior_hint=""),
    ] = ()
    halves: Annotated[
        Paths, arg(metavar="PATH...", help="The same, as for training.", help_behavior_hint="")
    ] = ()
    model: Annotated[
        Paths, arg(metavar="FILE...", help="Model files to evaluate.", help_behavior_hint="")
    ] = ()
    other: Annotated[
        tuple[str, ...],
        arg(
            metavar="NAME=PATH...",
            help="The same halves as another program denoised them.",
            help_behavior_hint="",
        ),
    ] = ()
    truth: Annotated[
        Paths, arg(metavar="PATH...", help="Clean micrographs of simulated halves.", help_behavior_hint="")
    ] = ()
    figures: Annotated[
        Path | None, arg(metavar="FILE.json", help="Write all figures here.", help_behavior_hint="")
    ] = None
    report: Annotated[
        Path | None, arg(metavar="FILE.html", help="Write a report to look at here.", help_behavior_hint="")
    ] = None
    overwrite: Annotated[bool, arg(help="Replace files that exist.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Demo:
    """Train and denoise on simulated micrographs, to see that everything works.

    Writes a model, the noisy micrographs and the denoised ones.
    """

    training: Training
    output: Annotated[Path, arg(metavar="FOLDER", help="Folder for the results.")] = Path("demo-output")


@dataclass(frozen=True)
class Cryoden:
    """Train a denoising network on cryo-EM micrographs, and denoise them.

    Start with `cryoden info FOLDER`, then `train`, then `denoise`, then `evaluate`.

    Exit status: 0 done, 1 error, 2 wrong usage, 3 with failures, 130 stopped.
    """

    command: (
        Annotated[Info, subcommand("info")]
        | Annotated[Train, subcommand("train")]
        | Annotated[Denoise, subcommand("denoise")]
        | Annotated[Evaluate, subcommand("evaluate")]
        | Annotated[Demo, subcommand("demo")]
    )
    json: Annotated[
        FlagCreatePairsOff[bool],
        arg(help="Print one JSON object a line instead of text.", help_behavior_hint=""),
    ] = False
