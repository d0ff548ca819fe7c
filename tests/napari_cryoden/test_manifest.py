from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from napari._app_model import get_app_model

import napari_cryoden

PLUGIN = Path(napari_cryoden.__file__).parent


def test_every_command_of_the_manifest_can_be_called(manifest: Any) -> None:
    manifest.validate_imports()
    commands = {command.id for command in manifest.contributions.commands}
    used = [*manifest.contributions.readers, *manifest.contributions.writers, *manifest.contributions.widgets]
    assert {one.command for one in used} <= commands


def test_the_manifest_lies_in_the_module_and_the_top_only_links_to_it() -> None:
    link = PLUGIN.parent / "napari.yaml"
    assert not (PLUGIN / "napari.yaml").is_symlink()
    assert link.is_symlink()
    assert link.readlink() == Path("napari_cryoden/napari.yaml")


@pytest.mark.usefixtures("viewer")
def test_denoising_stands_in_the_filter_menu_of_layers() -> None:
    commands = [item.command.id for item in get_app_model().menus.get_menu("napari/layers/filter")]
    assert any("napari-cryoden" in command for command in commands)


@pytest.mark.usefixtures("viewer")
def test_opening_and_batches_stand_among_the_io_utilities() -> None:
    commands = [item.command.id for item in get_app_model().menus.get_menu("napari/file/io_utilities")]
    assert {"napari-cryoden.open", "napari-cryoden.batch"} <= {one.partition(":")[0] for one in commands}


def test_the_manifest_has_what_lists_of_plugins_show(manifest: Any) -> None:
    package, name = manifest.icon.split(":")
    picture = (PLUGIN.parent / package / name).read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert not re.search(r"<script|href|url\(|\bon\w+=", picture)
    assert {"Image Processing", "IO"} <= {one.value for one in manifest.categories}
    assert tuple(map(int, manifest.schema_version.split("."))) >= (0, 2)


def test_the_sample_menu_gives_two_pairs_the_plugin_recognizes(viewer: Any) -> None:
    viewer.open_sample("napari-cryoden", "simulated_halves")
    names = [layer.name for layer in viewer.layers]
    assert names == ["sample1_EVN", "sample1_ODD", "sample2_EVN", "sample2_ODD"]
    assert {str(unit) for layer in viewer.layers for unit in layer.units} == {"angstrom"}


def test_neither_opening_a_micrograph_nor_docking_a_widget_loads_torch(write_mrc: Any, noise: Any) -> None:
    path = str(write_mrc("plain.mrc", noise))
    code = (
        "import sys; from napari_cryoden.contributions.reader import get_reader\n"
        f"assert len(get_reader({path!r})({path!r})) == 1\n"
        "assert 'torch' not in sys.modules\n"
        "import napari_cryoden.docks.train, napari_cryoden.docks.denoise, napari_cryoden.docks.evaluate\n"
        "import napari_cryoden.plots.loss_dock, napari_cryoden.docks.workbench\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
