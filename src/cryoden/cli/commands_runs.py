"""Commands about runs: which console shows which."""

from __future__ import annotations

from cryoden.cli import show_comparison, show_experiment
from cryoden.cli.console import OUT
from cryoden.cli.flags_runs import (
    Baseline,
    BuildPatches,
    CheckPatches,
    Compare,
    Export,
    PatchesInfo,
    PatchSets,
    Report,
)
from cryoden.errors import printable
from cryoden.runs import report
from cryoden.runs.folder import RunFolder

Asked = PatchSets | Baseline | Compare | Export | Report


def done(asked: Asked, *, as_json: bool) -> bool:
    """Run one command and return whether all of it is well."""
    match asked:
        case PatchSets():
            return _patches(asked, as_json=as_json)
        case Baseline():
            return show_experiment.baseline(asked, as_json=as_json)
        case Compare():
            return show_comparison.compare(asked, as_json=as_json)
        case Export():
            show_experiment.export(asked, as_json=as_json)
        case Report():
            _report(asked)
    return True


def _patches(asked: PatchSets, *, as_json: bool) -> bool:
    match asked.action:
        case BuildPatches() as action:
            show_experiment.build_patches(action, as_json=as_json)
        case CheckPatches() as action:
            return show_experiment.check_patches(action, as_json=as_json)
        case PatchesInfo() as action:
            show_experiment.patches_info(action, as_json=as_json)
    return True


def _report(asked: Report) -> None:
    for folder in map(RunFolder, asked.runs):
        report.write(folder)
        words = f"Written: {printable(folder.text)} and {folder.report.name}"
        OUT.print(words, soft_wrap=True, markup=False)
