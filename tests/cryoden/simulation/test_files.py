from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.dataset import opening
from cryoden.errors import CryodenError, StructureError
from cryoden.events.batch import BatchFinished, FileFinished
from cryoden.formats import micrographs
from cryoden.image.filters import gaussian
from cryoden.io.star import read_tables
from cryoden.settings.tools import SimulationSettings
from cryoden.simulation.files import COLUMNS, simulate_files
from cryoden.simulation.pdb import read_structure

SMALL = SimulationSettings(count=2, edge=512, pixel_size=2.0, particles=12, device="cpu")
HELIX = """\
HEADER    A HELIX OF NOTHING IN PARTICULAR
ATOM      1  N   ALA A   1      -8.000   1.000   0.500  1.00  0.00           N
ATOM      2  CA  ALA A   1      -6.600   0.500   0.100  1.00  0.00           C
ATOM      3  C   ALA A   1      -5.800   1.600  -0.600  1.00  0.00           C
ATOM      4  O   ALA A   1      -6.300   2.700  -0.800  1.00  0.00           O
ATOM      5  N   GLY A   2       7.000  -1.200   0.300  1.00  0.00           N
ATOM      6  CA  GLY A   2       8.200  -0.400   0.000  1.00  0.00           C
ATOM      7  C   GLY A   2       9.400  -1.300  -0.200  1.00  0.00           C
ATOM      8 ZN    ZN A   3       0.000   0.000   0.000  1.00  0.00          ZN
END
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    events = list(simulate_files(folder, SMALL))
    assert [event.path for event in events if isinstance(event, FileFinished)] == [
        folder / "sim0000_EVN.mrc",
        folder / "sim0001_EVN.mrc",
    ]
    assert isinstance(events[-1], BatchFinished)
    return folder


def test_halves_found_by_their_names_add_up_to_the_whole(folder: Path) -> None:
    pairs = opening.open_halves([folder])
    assert len(pairs) == 2
    for name in ("sim0000", "sim0001"):
        even, odd, full = (
            micrographs.read(folder / place)
            for place in (f"{name}_EVN.mrc", f"{name}_ODD.mrc", f"full/{name}.mrc")
        )
        assert np.array_equal(even.data + odd.data, full.data)
        assert full.pixel_size == pytest.approx(2.0)


def ball(path: Path) -> Path:
    """Write 1,500 carbon atoms evenly spread in a ball of 35 Å radius."""
    points = np.random.default_rng(0).uniform(-35, 35, (4000, 3))
    points = points[np.linalg.norm(points, axis=1) < 35][:1500]
    line = "HETATM{0:5d}  C   UNL A{0:4d}    {1:8.3f}{2:8.3f}{3:8.3f}  1.00  0.00           C"
    path.write_text("\n".join(line.format(n, *point) for n, point in enumerate(points, start=1)) + "\nEND\n")
    return path


def test_coordinates_point_at_particles(tmp_path: Path) -> None:
    settings = replace(SMALL, count=1, defocus=1.0, defocus_to=0.0)
    list(simulate_files(tmp_path, settings, [ball(tmp_path / "ball.pdb")]))
    truth = gaussian(micrographs.read(tmp_path / "clean" / "sim0000.mrc").data, 8)  # 16 Å
    rows = read_tables(tmp_path / "particles" / "sim0000.star")[-1].columns(COLUMNS)
    assert len(rows) == 12
    places = [(round(float(y)), round(float(x))) for x, y, *_ in rows]
    around = [truth[y - 16 : y + 17, x - 16 : x + 17] for y, x in places]
    whole = [window for window in around if window.shape == (33, 33)]
    mean = np.mean(whole, axis=0)
    assert len(whole) > 6
    np.testing.assert_allclose(np.unravel_index(mean.argmin(), mean.shape), (16, 16), atol=1)
    assert max(window[16, 16] for window in whole) < -2 * truth.std()


def test_parameters_tell_what_was_simulated(folder: Path) -> None:
    found = json.loads((folder / "particles" / "sim0001.json").read_text())
    rows = read_tables(folder / "particles" / "sim0001.star")[-1].columns(COLUMNS)
    assert found["scene"]["seed"] == 1
    assert 1.0 <= found["scene"]["optics"]["defocus"] <= 2.5
    assert 100 <= found["structures"][0]["mass_kDa"] <= 10_000
    for particle, (x, y, kind, height) in zip(found["particles"], rows, strict=True):
        assert particle["column_px"] == pytest.approx(float(x), abs=0.01)
        assert particle["row_px"] == pytest.approx(float(y), abs=0.01)
        assert (particle["structure"], particle["height_A"]) == (
            int(kind),
            pytest.approx(float(height), abs=0.1),
        )
        assert np.linalg.det(particle["rotation"]) == pytest.approx(1)


def test_every_exposure_is_another(folder: Path) -> None:
    one, two = (json.loads((folder / "particles" / f"sim000{n}.json").read_text()) for n in (0, 1))
    assert one["structures"] != two["structures"]
    assert one["scene"]["optics"] != two["scene"]["optics"]


def test_with_a_mass_all_exposures_show_the_same_assembly_each_in_its_own_places(tmp_path: Path) -> None:
    list(simulate_files(tmp_path, replace(SMALL, edge=256, particles=3, mass=450)))
    one, two = (json.loads((tmp_path / "particles" / f"sim000{n}.json").read_text()) for n in range(2))
    assert one["structures"] == two["structures"]
    assert one["structures"][0]["mass_kDa"] == pytest.approx(450, abs=1)
    assert one["particles"] != two["particles"]


def test_files_that_exist_are_refused_and_kept(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(CryodenError):
        list(simulate_files(folder, SMALL))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert len(before) == 14


def test_a_structure_given_on_the_command_line_is_what_is_seen(tmp_path: Path) -> None:
    (tmp_path / "helix.pdb").write_text(HELIX)
    asked = ["simulate", "--output", str(tmp_path / "out"), "--structure", str(tmp_path / "helix.pdb")]
    asked += ["--count", "1", "--edge", "256", "--pixel-size", "1", "--particles", "3", "--device", "cpu"]
    assert main(asked) == 0
    (structure,) = json.loads((tmp_path / "out" / "particles" / "sim0000.json").read_text())["structures"]
    molecule = read_structure(tmp_path / "helix.pdb")
    assert structure == {
        "name": "helix",
        "mass_kDa": round(molecule.mass, 1),
        "diameter_A": round(2 * molecule.radius, 1),
    }
    clean = micrographs.read(tmp_path / "out" / "clean" / "sim0000.mrc").data
    assert clean.any()
    again = [*asked, "--overwrite"]
    assert main(asked) == 1
    assert main(again) == 0
    assert np.array_equal(micrographs.read(tmp_path / "out" / "clean" / "sim0000.mrc").data, clean)


def test_a_structure_that_cannot_be_read_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="P01"):
        list(simulate_files(tmp_path / "out", SMALL, [tmp_path / "none.pdb"]))
    assert not (tmp_path / "out").exists()
