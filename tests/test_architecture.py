from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "napari_cryoden").rglob("*.py")])
LONGEST_MODULE = 250
RUNS_CODE = {
    "eval", "exec", "pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "torch.load", "numpy.load",
    "np.load", "tarfile", "zipfile", "shutil.unpack_archive", "os.system",
}  # fmt: skip
WORDLESS = {"utils", "helpers", "base", "core", "manager", "misc", "common"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE


def _imported(tree: ast.Module) -> set[str]:
    """Return modules, and names taken from modules, so that ``from torch import load`` is seen too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_a_user_opens_can_run_code(path: Path) -> None:
    tree = ast.parse(path.read_text())
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not (called | _imported(tree)) & RUNS_CODE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_is_named_for_what_it_holds(path: Path) -> None:
    assert path.stem not in WORDLESS
    assert ast.get_docstring(ast.parse(path.read_text()))


PACKAGES = sorted(
    path for top in (ROOT / "src" / "cryoden", ROOT / "napari_cryoden") for path in top.rglob("__init__.py")
)


def test_the_picture_on_the_map_is_that_of_the_imports_and_one_can_take_it_in() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawing = runpy.run_path(str(ROOT / "docs" / "draw_imports.py"))
    assert drawing["drawn"](page) == page
    packages = [path for path in (ROOT / "src" / "cryoden").iterdir() if (path / "__init__.py").is_file()]
    picture = drawing["mermaid"]("cryoden")
    assert 20 < picture.count("-->") + picture.count("&") <= 2 * len(packages)


def test_every_package_and_module_is_on_the_map() -> None:
    drawn = (ROOT / "docs" / "architecture.md").read_text()
    stems = {path.stem for path in MODULES} | {path.parent.name for path in PACKAGES}
    assert len(stems) > 100
    assert not {name for name in stems - {"__init__"} if f"`{name}`" not in drawn}


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_a_package_lies_one_level_deep_and_holds_no_more_than_one_can_see(path: Path) -> None:
    modules = [file for file in path.parent.glob("*.py") if file.name != "__init__.py"]
    assert len(path.relative_to(ROOT).parts) <= 4
    assert len(modules) <= 15


def test_every_code_of_an_error_is_in_the_list_of_messages() -> None:
    listed = (ROOT / "docs" / "messages.md").read_text()
    raised = {
        node.args[0].value
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error") and node.args
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
        if len(node.args[0].value) == 3
    }
    assert len(raised) > 10
    assert not {code for code in raised if f"{code}" not in listed}


# Modules without a test file of their name, and why there is none.
SHOWN_ELSEWHERE = {
    "data and no more: a value that is wrong is refused in settings/fields.py": (
        "cryoden/settings/baseline", "cryoden/settings/denoising", "cryoden/settings/reading",
        "cryoden/settings/tools", "cryoden/settings/movies", "cryoden/settings/picking",
    ),
    "what jobs of another program ask for, shown by those jobs": ("cryoden/hosts/pipeliner_options",),
    "names of what is told or handed on, without behavior": (
        "cryoden/events/batch", "cryoden/events/training", "cryoden/model/general",
        "cryoden/sampling/source",
    ),
    "words of the command line around what other tests run": (
        "cryoden/cli/commands_runs", "cryoden/cli/command_halves",
        "cryoden/cli/command_hosts", "cryoden/cli/flags_denoise", "cryoden/cli/flags_runs",
    ),
    "shown by a run that is trained once, for the tests of another file": (
        "cryoden/experiment/outcome", "cryoden/experiment/reference", "cryoden/runs/loss_plot",
        "cryoden/runs/report", "cryoden/runs/report_sections", "cryoden/workflows/demo",
    ),
    "done by worker processes, which are started once for test_denoise_on_workers.py": (
        "cryoden/workflows/denoise_group",
    ),
    "the command line by another name: shown by test_commands.py": ("cryoden/__main__",),
}  # fmt: skip
ABOUT_NO_MODULE = {
    "test_light_imports", "test_without_napari", "test_leaks", "test_manifest", "test_traps", "test_controls",
    "test_same_losses", "test_general_model", "test_fortran", "test_whole_project",
    "test_nothing_is_run", "test_names_are_shown_as_text", "test_modes", "test_lists_outside",
    "test_reports_outside",    "test_any_bytes", "test_every_call_fails", "test_zoo",
}  # fmt: skip


def _modules_and_tests() -> tuple[set[str], set[str]]:
    """Return modules without suffix, and what the test files beside them are named for."""
    modules, tested = set(), set()
    for top in (ROOT / "src" / "cryoden", ROOT / "napari_cryoden"):
        found = [path.relative_to(top.parent).with_suffix("") for path in top.rglob("*.py")]
        modules |= {path.as_posix() for path in found if path.name != "__init__"}
        found = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests" / top.name).rglob("test_*.py")]
        found = [path for path in found if path.stem not in ABOUT_NO_MODULE]
        tested |= {path.with_name(path.stem.removeprefix("test_")).as_posix() for path in found}
    return modules, tested


def test_each_module_has_a_test_file_of_its_name() -> None:
    modules, tested = _modules_and_tests()
    assert len(modules) > 150
    assert sorted(modules - tested) == sorted(name for names in SHOWN_ELSEWHERE.values() for name in names)


def test_each_test_file_is_named_for_a_module() -> None:
    modules, tested = _modules_and_tests()
    assert not tested - modules
