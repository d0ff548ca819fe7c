"""Simulated exposures on disk: halves, their sum, the truth, and where the particles are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.compute import devices
from cryoden.dataset.output_paths import make_folder
from cryoden.events.batch import BatchEvent, BatchFinished, FileFinished, FileStarted
from cryoden.io import mrc
from cryoden.io.atomic import atomic_write, check_destination
from cryoden.micrograph import Array, Pixels
from cryoden.settings.tools import SimulationSettings
from cryoden.simulation.assemblies import AssemblyRecipe, Structure, assembly, random_recipe
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import SimulatedExposure, counted, seen
from cryoden.simulation.movies import drifted, filmed, star_of, write_movie
from cryoden.simulation.optics import Optics
from cryoden.simulation.pdb import read_structure
from cryoden.simulation.scene import Contrast, Scene
from cryoden.simulation.specimen import Particle

COUNTING = Detector()
INTEGRATING = Detector(transfer=0.25, integrating=True)
MOVIES = "movies.star"
COLUMNS = ("rlnCoordinateX", "rlnCoordinateY", "rlnClassNumber", "cryodenHeight")


def simulate_files(
    output: Path, settings: SimulationSettings, structures: Sequence[Path] = (), *, overwrite: bool = False
) -> Iterator[BatchEvent]:
    """Write simulated exposures.

    Each gives ``<name>_EVN.mrc`` and ``_ODD.mrc`` in ``output``, and in folders below it
    ``full`` (their sum), ``clean`` (the particles alone), ``clean_with_ice`` (all that the
    halves share) and ``particles`` (coordinates as STAR, parameters and orientations as JSON); where movies
    are wanted, too, ``movies``, which ``movies.star`` lists.

    Parameters
    ----------
    output : Path
        Folder for the files.
    settings : SimulationSettings
        What to simulate.
    structures : sequence of Path
        PDB or mmCIF files; without any, and without a mass, each exposure has its own random assembly.
    overwrite : bool
        Whether files already there may be replaced.

    Raises
    ------
    CryodenError
        For a structure that cannot be read or a file that cannot be written.
    """
    device = devices.resolve(settings.device)
    given = [read_structure(path) for path in structures] or _known(settings)
    names = [f"sim{settings.seed + index:04d}" for index in range(settings.count)]
    wanted = {name: _paths(output, name, settings) for name in names}
    lists = [output / MOVIES] if settings.movies else []
    files = [*(path for paths in wanted.values() for path in paths.values()), *lists]
    for folder in dict.fromkeys(path.parent for path in files):
        make_folder(folder)
    for path in files:
        check_destination(path, overwrite=overwrite)
    began = time.monotonic()
    for index, paths in enumerate(wanted.values()):
        started = time.monotonic()
        yield FileStarted(paths["even"], index, len(names))
        numbers = np.random.default_rng((settings.seed + index, 3))
        chosen = given or [assembly(random_recipe(numbers))]
        known = scene(settings, index, numbers)
        contrast = seen(known, chosen, device)
        shifts = drifted(settings.movies, settings.drift, known.seed)
        _write(counted(contrast, known), chosen, paths, shifts, overwrite=overwrite)
        _film(contrast, known, paths.get("movie"), shifts, overwrite=overwrite)
        yield FileFinished(paths["even"], paths["even"], time.monotonic() - started, ())
    for path in lists:
        with atomic_write(path, overwrite=overwrite) as temporary:
            temporary.write_text(star_of([f"movies/{name}.mrcs" for name in names], known), encoding="utf-8")
    yield BatchFinished(len(names), (), 0, time.monotonic() - began)


def scene(settings: SimulationSettings, index: int, numbers: np.random.Generator) -> Scene:
    """Return exposure ``index`` of a simulation; defocus and astigmatism differ from one to the next."""
    low, high = sorted((settings.defocus, settings.defocus_to or settings.defocus))
    optics = Optics(
        voltage=settings.voltage,
        defocus=float(numbers.uniform(low, high)),
        astigmatism=float(numbers.uniform(0, 400)),
        axis=float(numbers.uniform(0, np.pi)),
    )
    return Scene(
        edge=settings.edge,
        pixel_size=settings.pixel_size,
        particles=settings.particles,
        recipes=(),
        optics=optics,
        dose=settings.dose,
        detector=INTEGRATING if settings.detector == "integrating" else COUNTING,
        ice=settings.ice,
        slope=settings.slope,
        carbon=settings.carbon,
        gold=settings.gold,
        contamination=settings.contamination,
        seed=settings.seed + index,
    )


def _known(settings: SimulationSettings) -> list[Structure]:
    """Return the one assembly of all exposures, where its mass is given."""
    return [assembly(AssemblyRecipe("D2", settings.mass, aspect=1.3))] if settings.mass else []


def _paths(output: Path, name: str, settings: SimulationSettings) -> dict[str, Path]:
    movie = {"movie": output / "movies" / f"{name}.mrcs"} if settings.movies else {}
    return movie | {
        "even": output / f"{name}_EVN.mrc",
        "odd": output / f"{name}_ODD.mrc",
        "full": output / "full" / f"{name}.mrc",
        "clean": output / "clean" / f"{name}.mrc",
        "clean_with_ice": output / "clean_with_ice" / f"{name}.mrc",
        "coordinates": output / "particles" / f"{name}.star",
        "parameters": output / "particles" / f"{name}.json",
    }


def _write(
    exposure: SimulatedExposure,
    structures: Sequence[Structure],
    paths: Mapping[str, Path],
    shifts: Array,
    *,
    overwrite: bool,
) -> None:
    for kind in ("even", "odd", "full", "clean", "clean_with_ice"):
        pixels: Pixels = getattr(exposure, kind)
        with atomic_write(paths[kind], overwrite=overwrite) as temporary:
            label = f"cryoden: simulated, {kind.replace('_', ' ')}"
            mrc.write(temporary, pixels, pixel_size=exposure.scene.pixel_size, label=label)
    with atomic_write(paths["coordinates"], overwrite=overwrite) as temporary:
        temporary.write_text(_star(exposure.placed), encoding="utf-8")
    with atomic_write(paths["parameters"], overwrite=overwrite) as temporary:
        temporary.write_text(
            json.dumps(_parameters(exposure, structures, shifts), indent=1), encoding="utf-8"
        )


def _film(contrast: Contrast, known: Scene, path: Path | None, shifts: Array, *, overwrite: bool) -> None:
    if path is not None:
        with atomic_write(path, overwrite=overwrite) as temporary:
            write_movie(temporary, filmed(contrast, known, shifts), known.pixel_size)


def _star(placed: Sequence[Particle]) -> str:
    """Return the coordinates as RELION picks, px from the first pixel; heights in Å."""
    head = ["", "data_particles", "", "loop_", *(f"_{c} #{n}" for n, c in enumerate(COLUMNS, start=1))]
    rows = [f"{p.center[1]:.2f} {p.center[0]:.2f} {p.structure + 1} {p.height:.1f}" for p in placed]
    return "\n".join([*head, *rows, ""])


def _parameters(
    exposure: SimulatedExposure, structures: Sequence[Structure], shifts: Array
) -> dict[str, Any]:
    return {
        **({"shifts_down_right_A": shifts.round(4).tolist()} if len(shifts) else {}),
        "scene": asdict(exposure.scene),
        "structures": [
            {"name": s.name, "mass_kDa": round(s.mass, 1), "diameter_A": round(2 * s.radius, 1)}
            for s in structures
        ],
        "particles": [
            {
                "structure": p.structure + 1,
                "row_px": p.center[0],
                "column_px": p.center[1],
                "height_A": p.height,
                "rotation": p.rotation.tolist(),
            }
            for p in exposure.placed
        ],
    }
