from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import StructureError
from cryoden.simulation.assemblies import RESIDUE_MASS, RESIDUE_POTENTIAL
from cryoden.simulation.exposure import exposed
from cryoden.simulation.pdb import POTENTIAL, read_structure
from cryoden.simulation.scene import Scene

# Scattering lengths at zero angle in Å, Peng et al. (1996)
F = {"H": 0.529, "C": 2.509, "N": 2.211, "O": 1.983, "S": 5.161, "Zn": 6.065}
MASS = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "Zn": 65.38}
ATOMS = [("C", (10, 0, 0)), ("N", (12, 1, 0)), ("O", (10, 3, 5)), ("Zn", (20, 0, 1))]
QUARTER = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
SHIFT = np.array([5, 0, 30])
ASSEMBLY = """
loop_
_pdbx_struct_assembly.id
_pdbx_struct_assembly.details
_pdbx_struct_assembly.method_details
_pdbx_struct_assembly.oligomeric_details
_pdbx_struct_assembly.oligomeric_count
1 author_defined_assembly ? dimeric 2
2 author_defined_assembly ? monomeric 1
loop_
_pdbx_struct_assembly_gen.assembly_id
_pdbx_struct_assembly_gen.oper_expression
_pdbx_struct_assembly_gen.asym_id_list
1 1,2 A,B,C
2 1 A
loop_
_pdbx_struct_oper_list.id
_pdbx_struct_oper_list.type
_pdbx_struct_oper_list.matrix[1][1]
_pdbx_struct_oper_list.matrix[1][2]
_pdbx_struct_oper_list.matrix[1][3]
_pdbx_struct_oper_list.vector[1]
_pdbx_struct_oper_list.matrix[2][1]
_pdbx_struct_oper_list.matrix[2][2]
_pdbx_struct_oper_list.matrix[2][3]
_pdbx_struct_oper_list.vector[2]
_pdbx_struct_oper_list.matrix[3][1]
_pdbx_struct_oper_list.matrix[3][2]
_pdbx_struct_oper_list.matrix[3][3]
_pdbx_struct_oper_list.vector[3]
1 'identity operation' 1 0 0 0 0 1 0 0 0 0 1 0
2 'point symmetry operation' 0 -1 0 5 1 0 0 0 0 0 1 30
"""
COLUMNS = (
    "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_seq_id "
    "Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_asym_id pdbx_PDB_model_num"
)
ROWS = """
ATOM 1 C CA . UNL A 1 10 0 0 1 20 1 A 1
ATOM 2 N N A UNL A 1 12 1 0 0.6 20 1 A 1
ATOM 3 N N B UNL A 1 12 9 0 0.4 20 1 A 1
ATOM 4 O O . UNL A 1 10 3 5 1 20 1 A 1
HETATM 5 Zn ZN . ZN B . 20 0 1 1 20 2 A 1
HETATM 6 O O . HOH C . 90 0 1 1 20 3 A 1
ATOM 7 C CA . UNL A 1 70 0 0 1 20 1 A 2
"""


def mmcif(*, assembly: str = ASSEMBLY, rows: str = ROWS) -> str:
    columns = "\n".join(f"_atom_site.{name}" for name in COLUMNS.split())
    return f"data_test\n{assembly}\nloop_\n{columns}{rows}"


def pdb(rotation: np.ndarray = QUARTER, shift: np.ndarray = SHIFT) -> str:
    lines = ["HEADER    TEST", "REMARK 350 BIOMOLECULE: 1", "REMARK 350 APPLY THE FOLLOWING TO CHAINS: A"]
    for copy, (matrix, vector) in enumerate(((np.eye(3), np.zeros(3)), (rotation, shift)), 1):
        for axis in range(3):
            numbers = "".join(f"{number:10.6f}" for number in matrix[axis])
            lines.append(f"REMARK 350   BIOMT{axis + 1}   {copy}{numbers}    {vector[axis]:11.5f}")
    for serial, (element, (x, y, z)) in enumerate(ATOMS, 1):
        place = f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00          {element.upper():>2}"
        lines.append(f"ATOM  {serial:5}  {element.upper():<3} UNL A   1    {place}")
    return "\n".join([*lines, "END", ""])


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["two.cif", "two.cif.gz", "two.pdb", "two.PDB", "two.ent.gz", "two.txt"])
def test_the_assembly_is_built_around_its_center_of_mass(tmp_path: Path, name: str) -> None:
    text = pdb() if name.lower().startswith(("two.p", "two.e", "two.t")) else mmcif()
    found = read_structure(written(tmp_path, name, text))
    one = np.array([place for _, place in ATOMS])
    both = np.concatenate([one, one @ QUARTER.T + SHIFT])
    masses = np.array([MASS[element] for element, _ in ATOMS] * 2)
    np.testing.assert_allclose(found.positions, both - np.average(both, axis=0, weights=masses), atol=1e-3)
    np.testing.assert_allclose(found.weights, [POTENTIAL * F[element] for element, _ in ATOMS] * 2, rtol=2e-3)
    assert found.mass == pytest.approx(masses.sum() / 1000, rel=1e-4)
    assert found.name == "two"
    assert found.positions.dtype == found.weights.dtype == np.float32


def test_without_an_assembly_the_atoms_are_taken_as_they_are(tmp_path: Path) -> None:
    assert len(read_structure(written(tmp_path, "a.cif", mmcif(assembly=""))).positions) == len(ATOMS)


def test_hydrogens_left_out_of_a_file_still_scatter(tmp_path: Path) -> None:
    """Alanine in a chain is C3 H5 N O; with its hydrogens in the file nothing is added."""
    backbone = [("C", "CA"), ("C", "CB"), ("C", "C"), ("N", "N"), ("O", "O")]
    atoms = backbone + [("H", f"H{i}") for i in range(5)]
    rows = "".join(
        f"\nATOM {i} {element} {name} . ALA A 1 {2 * i} 0 0 1 20 1 A 1"
        for i, (element, name) in enumerate(atoms)
    )
    whole = read_structure(written(tmp_path, "h.cif", mmcif(assembly="", rows=rows + "\n")))
    without = "\n".join(rows.splitlines()[: 1 + len(backbone)]) + "\n"
    bare = read_structure(written(tmp_path, "b.cif", mmcif(assembly="", rows=without)))
    assert (len(whole.weights), len(bare.weights)) == (10, 5)
    expected = POTENTIAL * (3 * F["C"] + F["N"] + F["O"] + 5 * F["H"])
    assert whole.weights.sum() == pytest.approx(expected, rel=2e-3)
    assert bare.weights.sum() == pytest.approx(expected, rel=2e-3)
    assert bare.mass == pytest.approx(whole.mass) == pytest.approx(0.07108, rel=1e-3)
    # of one kind with the pseudo-atoms of the simulator, by mass
    assert bare.weights.sum() / bare.mass == pytest.approx(RESIDUE_POTENTIAL / RESIDUE_MASS, rel=0.05)


def test_a_molecule_read_can_be_simulated(tmp_path: Path) -> None:
    found = read_structure(written(tmp_path, "a.cif", mmcif()))
    heavy = type(found)(found.positions, 500 * found.weights, found.name, found.mass)
    scene = Scene(edge=64, particles=3, pixel_size=2.0)
    assert exposed(scene, [heavy]).clean.std() > exposed(scene, [found]).clean.std() > 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "P02 .*empty file"),
        ("<html>no such entry</html>\n", "P0[23]"),
        (mmcif()[:-30], "P02 .*cannot be read as PDB or mmCIF: .*loop"),
        ("data_test\n_cell.length_a 3\n", "P03 .*no atoms"),
        (
            mmcif(rows="\nHETATM 6 O O . HOH C . 90 0 1 1 20 3 A 1\n", assembly=""),
            "P03 .*0 atoms but for water",
        ),
        (
            mmcif(rows="\nATOM 6 X UNK . UNX A . 9 0 1 1 20 3 A 1\n", assembly=""),
            "P03 .*1 atoms .* 0 of known",
        ),
        (pdb().replace("  10.000", "     nan"), "P02"),
    ],
)
def test_a_file_without_a_molecule_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(StructureError, match=told) as caught:
        read_structure(written(tmp_path, "x.cif", text))
    assert "\n" not in str(caught.value)


def test_a_download_that_broke_off_is_refused(tmp_path: Path) -> None:
    whole = written(tmp_path, "x.pdb.gz", pdb())
    whole.write_bytes(whole.read_bytes()[:-60])
    with pytest.raises(StructureError, match="P02"):
        read_structure(whole)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match=r"P01 .*no such file"):
        read_structure(tmp_path / "1abc.cif")
    with pytest.raises(StructureError, match=r"P01 .*is a folder"):
        read_structure(tmp_path)
