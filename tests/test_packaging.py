from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import tyro
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE")

pytest.importorskip("hatch_vcs", reason="hatch-vcs, which builds, is not installed: see the extra [dev]")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an sdist, and the wheel made of it."""
    folder = tmp_path_factory.mktemp("dist")
    _build(ROOT, folder)
    return folder


def _build(source: Path, folder: Path, *kinds: str) -> None:
    command = [sys.executable, "-m", "build", *kinds, "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


def _version(source: Path) -> str:
    """Return the version that a source tree has."""
    command = [sys.executable, "-m", "hatchling", "version"]
    done = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _git(folder: Path, *asked: str) -> None:
    own = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *own, *asked], cwd=folder, check=True, capture_output=True)  # noqa: S607 - wherever it is


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small repository that is built as this one, of version 1.2.3."""
    folder = tmp_path_factory.mktemp("tagged") / "repository"
    (folder / "src" / "cryoden").mkdir(parents=True)
    (folder / "napari_cryoden").mkdir()
    for name in (*SOURCES, ".gitattributes", ".git_archival.txt"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "src" / "cryoden" / "__init__.py").touch()
    (folder / "napari_cryoden" / "__init__.py").touch()
    _git(folder, "init", "-q")
    _git(folder, "add", ".")
    _git(folder, "commit", "-qm", "first")
    _git(folder, "tag", "-am", "release", "v1.2.3")
    return folder


def test_the_version_is_that_of_the_tag(tagged: Path, tmp_path: Path) -> None:
    assert _version(tagged) == "1.2.3"
    _build(tagged, tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "napari_cryoden-1.2.3-py3-none-any.whl",  # made of the sdist, where there is no repository
        "napari_cryoden-1.2.3.tar.gz",
    ]


def test_a_commit_after_a_tag_counts_as_development_of_the_next_version(tagged: Path, tmp_path: Path) -> None:
    _git(tmp_path, "clone", "-q", str(tagged), "later")
    _git(tmp_path / "later", "commit", "-qm", "more", "--allow-empty")
    assert _version(tmp_path / "later") == "1.2.4.dev1"


def test_a_shallow_clone_without_tags_has_a_version_all_the_same(tagged: Path, tmp_path: Path) -> None:
    _git(tmp_path, "clone", "-q", "--depth", "1", "--no-tags", tagged.as_uri(), "shallow")
    assert Version(_version(tmp_path / "shallow")).is_devrelease


def test_an_archive_of_a_tag_has_its_version_and_bare_files_have_one(tagged: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    _git(tagged, "archive", "-o", str(tmp_path / "a.tar"), "v1.2.3")
    with tarfile.open(tmp_path / "a.tar") as archive:
        archive.extractall(tmp_path / "archive", filter="data")
    assert _version(tmp_path / "archive") == "1.2.3"
    (tmp_path / "archive" / ".git_archival.txt").unlink()
    assert _version(tmp_path / "archive") == "0.0.0"


def test_an_index_would_take_both(built: Path) -> None:
    pytest.importorskip("twine", reason="twine is not installed: see the extra [dev]")
    files = list(map(str, built.iterdir()))
    command = [sys.executable, "-m", "twine", "check", "--strict", *files]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert len(files) == 2


def test_links_and_pictures_of_the_readme_lead_somewhere_from_an_index(wheel: Path) -> None:
    shown = _metadata(wheel).partition("\n\n")[2]
    assert len(shown) > len((ROOT / "README.md").read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)]+)\)", shown)
    assert links
    assert not [link for link in links if not link.startswith("https://")]
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", shown)
    assert pictures
    assert all("/raw/main/docs/images/" in picture for picture in pictures)


def test_an_sdist_holds_what_it_takes_to_test_it(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "SECURITY.md", "CITATION.cff", "constraints.txt", "tests/test_packaging.py"} <= inside
    assert not [name for name in inside if name.startswith((".ci/", ".venv", "demo-output"))]


def test_all_addresses_are_of_one_repository() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    home = project["urls"]["Homepage"]
    assert {"Documentation", "Source", "Issues", "Changelog"} <= set(project["urls"])
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    links = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/config.yml").read_text(encoding="utf-8"))
    addresses = [*project["urls"].values(), cited["url"], cited["repository-code"]]
    addresses += [link["url"] for link in links["contact_links"]]
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    addresses += [link["link"] for link in site["extra"]["social"]]
    assert all(address.startswith(home) for address in addresses)
    assert f"git clone {home}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert cited["license"] == project["license"]


def test_every_form_and_workflow_is_well_formed() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    for form in (form for form in forms if form.name != "config.yml"):
        known = yaml.safe_load(form.read_text(encoding="utf-8"))
        assert {"name", "description", "body"} <= set(known), form
        names = [field["id"] for field in known["body"]]
        assert len(names) == len(set(names))
    workflows = {
        path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/workflows").iterdir()
    }
    jobs = workflows["release"]["jobs"]
    assert set(jobs["publish"]["needs"]) == {"build", "test", "install"}
    assert all(flow["permissions"] == {"contents": "read"} for flow in workflows.values())


def test_an_empty_environment_runs_what_is_installed_from_a_wheel(wheel: Path, tmp_path: Path) -> None:
    """Its dependencies are taken from here, as no index may answer."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    here = str(Path(tyro.__file__).parents[1])
    code = (
        f"import sys; sys.path.append({here!r}); sys.argv[:] = ['cryoden', '--help']\n"
        "from cryoden.cli.main import main; import cryoden\n"
        "assert main() == 0; print(cryoden.__file__, cryoden.__version__)"
    )
    done = subprocess.run(
        [str(python), "-I", "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1].startswith(str(tmp_path / "venv"))
    assert done.stdout.split()[-1] == wheel.name.split("-")[1]


def test_the_manifest_at_the_top_is_the_one_in_the_package() -> None:
    assert (ROOT / "napari.yaml").resolve() == ROOT / "napari_cryoden" / "napari.yaml"


def test_a_wheel_holds_both_packages_and_the_manifest(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "napari_cryoden/napari.yaml",
        "napari_cryoden/icon.svg",
        "cryoden/__main__.py",
        "cryoden/py.typed",
        "napari_cryoden/py.typed",
        "cryoden/cli/main.py",
        "cryoden/kernels/fused_baseline.cu",
        "cryoden/kernels/image_passes.cu",
        "cryoden/kernels/noisy_pairs.cu",
        "cryoden/kernels/warps.cuh",
        "cryoden/model/float16_layers.cu",
        "cryoden/model/float16_unet.cu",
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
    zipfile.ZipFile(wheel).extractall(tmp_path)  # noqa: S202 - our own, and no tar file
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
    assert done.stdout.split() == ["11", "2", "2", "1"]


def _metadata(wheel: Path) -> str:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
    return archive.read(name).decode()


def _needs(wheel: Path, extra: str) -> dict[str, Requirement]:
    lines = _metadata(wheel).partition("\n\n")[0].splitlines()
    needs = [Requirement(line.partition(":")[2]) for line in lines if line.startswith("Requires-Dist")]
    return {one.name: one for one in needs if one.marker is None or one.marker.evaluate({"extra": extra})}


def test_neither_napari_nor_a_qt_binding_comes_unasked(wheel: Path) -> None:
    needs = _needs(wheel, "")
    assert not {"napari", "PyQt5", "PyQt6", "PySide2", "PySide6"} & set(needs)
    assert {"torch", "qtpy", "magicgui", "pyqtgraph"} <= set(needs)


def test_napari_comes_when_asked_for_and_with_a_qt_binding_as_all(wheel: Path) -> None:
    assert "napari" in _needs(wheel, "napari")
    assert "all" in _needs(wheel, "all")["napari"].extras
