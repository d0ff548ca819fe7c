"""A molecule from a PDB or mmCIF file, as the simulator wants it. The only module that knows gemmi."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from cryoden.errors import StructureError
from cryoden.simulation.assemblies import Structure

# 2π ℏ² / (m e): an atom's scattering length at zero angle, Å, to its integrated potential, V Å³
# (Kirkland, 2010, Advanced Computing in Electron Microscopy, appendix C).
POTENTIAL = 47.878
HYDROGEN, HYDROGEN_MASS = gemmi.Element("H"), gemmi.Element("H").weight
WATER_LOST = 2  # hydrogens a residue gives up to its bonds in a chain

Numbers = NDArray[np.float64]


def read_structure(path: Path) -> Structure:
    """Read the molecule that a PDB or mmCIF file describes.

    The first model, in its first biological assembly where the file describes one, without
    water, each atom once in its first alternative place and whole. Hydrogens, which most files
    leave out, are then added to the weights and masses of the atoms of their residue.

    Parameters
    ----------
    path : Path
        PDB, mmCIF or mmJSON, also compressed as ``.gz``.

    Returns
    -------
    Structure
        ``(n, 3)`` float32 positions in Å around the center of mass, and ``(n,)`` float32
        weights in V Å³: 47.878 V Å² times the elastic scattering factor of the neutral atom at
        zero angle (Peng et al., 1996, Acta Cryst. A52, 257; International Tables C, table
        4.3.2.2).

    Raises
    ------
    StructureError
        ``P01`` when there is no such file, ``P02`` when it holds no structure, ``P03`` when it
        has no atoms, or none of a known element.
    """
    path = Path(path)
    molecule = _molecule(path)
    atoms = [found.atom for found in molecule[0].all()] if len(molecule) else []
    weights, masses = _weights(atoms), np.array([atom.element.weight for atom in atoms], np.float64)
    known = weights > 0
    if not known.any():
        problem = f"no atoms: {len(atoms):,} atoms but for water, {int(known.sum()):,} of known elements"
        raise StructureError(
            "P03", path, problem, kept="Nothing was read", fix="Give a file with coordinates"
        )
    hydrogens = _missing_hydrogens(molecule[0])
    weights += hydrogens * _scattering(HYDROGEN)
    masses = (masses + hydrogens * HYDROGEN_MASS)[known]
    positions = np.array([atom.pos.tolist() for atom in atoms], np.float64)[known]
    positions -= np.average(positions, axis=0, weights=masses)
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return Structure(
        positions.astype(np.float32),
        (POTENTIAL * weights[known]).astype(np.float32),
        name,
        float(masses.sum()) / 1000,
    )


def _molecule(path: Path) -> gemmi.Structure:
    """Return the atoms to be seen, or raise `StructureError`."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise StructureError("P01", path, what, kept="Nothing was read", fix="Check the path")
    if not path.stat().st_size:
        raise StructureError(
            "P02", path, "empty file (0 bytes)", kept="Nothing was read", fix="Copy it again"
        )
    try:
        molecule = gemmi.read_structure(str(path), format=gemmi.CoorFormat.Detect)
        _finish(molecule)
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0].replace(str(path), "").strip(" .:")
        problem = f"cannot be read as PDB or mmCIF: {reason}"
        raise StructureError(
            "P02", path, problem, kept="Nothing was read", fix="Download it again"
        ) from error
    return molecule


def _finish(molecule: gemmi.Structure) -> None:
    """Leave what the docstring of `read_structure` says."""
    del molecule[1:]
    molecule.remove_alternative_conformations()
    if len(molecule) and molecule.assemblies:
        molecule.transform_to_assembly(molecule.assemblies[0].name, gemmi.HowToNameCopiedChain.Dup)
    molecule.remove_waters()  # not before: assemblies name their chains, too


def _weights(atoms: Sequence[gemmi.Atom]) -> Numbers:
    """Return scattering lengths in Å; 0 for unknown elements."""
    numbers, places = np.unique([atom.element.atomic_number for atom in atoms], return_inverse=True)
    return np.array([_scattering(gemmi.Element(int(number))) for number in numbers])[places]


def _scattering(element: gemmi.Element) -> float:
    known = element.atomic_number > 0 and element.c4322 is not None
    return float(element.c4322.calculate_sf(0)) if known else 0.0


def _missing_hydrogens(model: gemmi.Model) -> Numbers:
    """Return for each atom its share of the hydrogens its residue has and the file has not."""
    shares = []
    for residue in (residue for chain in model for residue in chain):
        kind = gemmi.find_tabulated_residue(residue.name)
        chained = kind.is_amino_acid() or kind.is_nucleic_acid()
        hydrogens = max(0, kind.hydrogen_count - WATER_LOST * chained)
        shares.append(np.full(len(residue), hydrogens / len(residue)))
    return np.concatenate(shares) * (not model.has_hydrogen())
