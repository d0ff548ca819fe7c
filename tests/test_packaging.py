from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_manifest_at_the_top_is_the_one_in_the_package() -> None:
    assert (ROOT / "napari.yaml").resolve() == ROOT / "napari_cryoden" / "napari.yaml"


def test_a_wheel_holds_both_packages_and_the_manifest(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "napari_cryoden/napari.yaml",
        "cryoden/py.typed",
        "napari_cryoden/py.typed",
        "cryoden/cli/main.py",
        "cryoden/compute/fused_baseline.cu",
        "cryoden/model/models/general.safetensors",
        "cryoden/evaluation/templates/report.html",
        "cryoden/reporting/templates/page.css",
        "cryoden/reporting/templates/page.html",
        "cryoden/reporting/templates/tables.md",
        "cryoden/runs/templates/comparison.md",
        "cryoden/runs/templates/run.md",
        "cryoden/runs/reported/experiment.json",
    } <= names
    assert not any(name.startswith(("src/", "tests/")) for name in names)


def test_napari_finds_every_contribution_of_a_wheel_installed_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """Unpacked where nothing of the source tree is in reach, as an installer would do it."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import sys; sys.path = [p for p in sys.path if 'cryoden' not in p]\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import importlib.metadata as metadata, napari_cryoden, npe2\n"
        f"assert napari_cryoden.__file__.startswith({str(tmp_path)!r}), napari_cryoden.__file__\n"
        "manifest = npe2.PluginManifest.from_distribution('napari-cryoden')\n"
        "manifest.validate_imports()\n"
        "found = manifest.contributions\n"
        "print(len(found.widgets), len(found.readers), len(found.writers), len(found.sample_data))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["10", "2", "2", "1"]


def _needs(wheel: Path, extra: str) -> dict[str, Requirement]:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
    lines = archive.read(name).decode().splitlines()
    needs = [Requirement(line.partition(":")[2]) for line in lines if line.startswith("Requires-Dist")]
    return {one.name: one for one in needs if one.marker is None or one.marker.evaluate({"extra": extra})}


def test_neither_napari_nor_a_qt_binding_comes_unasked(wheel: Path) -> None:
    needs = _needs(wheel, "")
    assert not {"napari", "PyQt5", "PyQt6", "PySide2", "PySide6"} & set(needs)
    assert {"torch", "qtpy", "magicgui", "pyqtgraph"} <= set(needs)


def test_napari_comes_when_asked_for_and_with_a_qt_binding_as_all(wheel: Path) -> None:
    assert "napari" in _needs(wheel, "napari")
    assert "all" in _needs(wheel, "all")["napari"].extras
