"""Commands about runs: which console shows which."""

from __future__ import annotations

from cryoden import comparison_console, experiment_console, run_report
from cryoden.console import OUT
from cryoden.errors import printable
from cryoden.run_flags import (
    Baseline,
    BuildPatches,
    CheckPatches,
    Compare,
    Export,
    PatchesInfo,
    PatchSets,
    Report,
)
from cryoden.run_folder import RunFolder

Asked = PatchSets | Baseline | Compare | Export | Report


def done(asked: Asked, *, as_json: bool) -> bool:
    """Run one command and return whether all of it is well."""
    match asked:
        case PatchSets():
            return _patches(asked, as_json=as_json)
        case Baseline():
            return experiment_console.baseline(asked, as_json=as_json)
        case Compare():
            return comparison_console.compare(asked, as_json=as_json)
        case Export():
            experiment_console.export(asked, as_json=as_json)
        case Report():
            _report(asked)
    return True


def _patches(asked: PatchSets, *, as_json: bool) -> bool:
    match asked.action:
        case BuildPatches() as action:
            experiment_console.build_patches(action, as_json=as_json)
        case CheckPatches() as action:
            return experiment_console.check_patches(action, as_json=as_json)
        case PatchesInfo() as action:
            experiment_console.patches_info(action, as_json=as_json)
    return True


def _report(asked: Report) -> None:
    for folder in map(RunFolder, asked.runs):
        run_report.write(folder)
        words = f"Written: {printable(folder.text)} and {folder.report.name}"
        OUT.print(words, soft_wrap=True, markup=False)
