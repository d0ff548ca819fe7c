"""Simulations like the real data of `real`, with the truth beside: what is fitted to, and what is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import hardship_parts as parts
import numpy as np
import torch
from numpy.typing import NDArray
from real_data import Data, Regions, View, scored
from scipy import ndimage
from scipy.spatial import cKDTree

from cryoden.micrograph import Pixels
from cryoden.simulation import specimen
from cryoden.simulation.assemblies import AssemblyRecipe, assembly
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import SimulatedExposure, counted, seen
from cryoden.simulation.optics import Optics
from cryoden.simulation.placement import rotation
from cryoden.simulation.scene import Contrast, Scene
from cryoden.simulation.specimen import Particle

SEED = 977_000  # of structures that no training drew
CPU = torch.device("cpu")
FRAMES = 41  # that the reference of a frame is the mean of
APART = 360.0  # Å between the particles that are cut out
FITTED, JUDGED = 1, 2  # seeds of exposures
K2 = Scene(
    edge=1536,
    pixel_size=0.854,
    particles=15,
    recipes=(AssemblyRecipe("D2", 465, aspect=1.3, seed=SEED),),
    optics=Optics(defocus=1.04, astigmatism=100.0),
    detector=Detector(efficiency=1.0),  # the dose was read off the counts
    ice=300.0,
    slope=0.05,
)
SHELLS = Scene(
    edge=1024,
    pixel_size=1.5,
    particles=110,
    packed=True,
    recipes=(AssemblyRecipe("O", 440, wall=20, seed=SEED),),
    optics=Optics(defocus=1.2),
    dose=84.0,  # of all frames, for what they damage
    ice=300.0,
    slope=0.05,
)
CLASS = Scene(edge=1024, pixel_size=3.54, optics=Optics(defocus=1.5), ice=300.0, slope=0.05)
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """How simulations differ from those most like the real data."""

    name: str
    particles: float = 1.0  # times as many
    dose: float = 1.0  # times as much, of what is denoised
    specimen: parts.Specimen = lambda contrast, _: contrast

    def contrast(self, scene: Scene) -> Contrast:
        """Return what the microscope shows of a scene."""
        torch.manual_seed(scene.seed)
        fewer = replace(scene, particles=round(self.particles * scene.particles))
        return self.specimen(seen(fewer, [assembly(one) for one in scene.recipes], CPU), fewer)


def views(noisy: Pixels, other: Pixels, one: SimulatedExposure, radii: tuple[float, float]) -> View:
    """Return a view with its truth, and circles, Å, in and between the particles."""
    return View(scored(noisy), scored(other), circles(one, radii), one.clean)


def circles(one: SimulatedExposure, radii: tuple[float, float]) -> Regions:
    """Return as many circles with a particle as between them, the emptiest first."""
    edge, (particle, size) = one.scene.edge, (radius / one.scene.pixel_size for radius in radii)
    placed = np.array([particle.center for particle in one.placed])
    inside = placed[((placed > particle) & (placed < edge - particle)).all(axis=1)]
    grid = np.mgrid[size : edge - size : size, size : edge - size : size].reshape(2, -1).T
    distance, _ = cKDTree(placed).query(grid)
    empty = np.zeros((0, 2))
    for place in grid[np.argsort(-distance)]:
        if not len(empty) or cKDTree(empty).query(place)[0] > 2 * size:
            empty = np.concatenate([empty, place[None]])
    count = min(len(inside), len(empty))
    return Regions(inside[:count], empty[:count], (particle, size))


def k2_halves(condition: Condition) -> Data:
    """Return halves like the K2's."""
    found = []
    for seed in (FITTED, JUDGED):
        scene = replace(K2, seed=seed, dose=condition.dose * K2.dose)
        one = counted(condition.contrast(scene), scene)
        found.append([views(a, b, one, (51.0, 51.0)) for a, b in ((one.even, one.odd), (one.odd, one.even))])
    fitted, judged = found
    return Data("halves like the K2's, 0.854 Å/px", K2.pixel_size, True, fitted, judged[:1])


def frames(condition: Condition) -> Data:
    """Return frames of 2 e⁻/Å² like those of apoferritin, each with the mean of the other frames."""
    found = []
    for seed in (FITTED, JUDGED, JUDGED + 1):
        scene = replace(SHELLS, seed=seed)
        contrast = condition.contrast(scene)
        frame, others = (  # half of twice the dose; the halves' noise is of different generators
            counted(contrast, replace(scene, dose=2 * 2 * condition.dose * count)) for count in (1, FRAMES)
        )
        found.append(views(frame.even, others.odd, frame, (54.0, 37.5)))
    return Data("frames like apoferritin's, 1.5 Å/px", SHELLS.pixel_size, False, found[:1], found[1:])


def one_class(condition: Condition, seed: int) -> tuple[SimulatedExposure, Values]:
    """Return a micrograph of one structure in one view, turned in its plane, and the angles, rad."""
    numbers = np.random.default_rng((SEED, seed))
    scene = replace(CLASS, seed=seed, dose=condition.dose * CLASS.dose, particles=0)
    structures = [assembly(recipe) for recipe in K2.recipes]
    contrast = seen(scene, structures, CPU)
    view, margin = rotation(numbers), (contrast.grid.height - scene.edge) // 2
    step = APART / scene.pixel_size
    side = np.arange(step, scene.edge - step, step)
    centers = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    centers = centers + numbers.uniform(-4, 4, centers.shape)
    angles = numbers.uniform(0, 2 * np.pi, len(centers))
    turned = [in_plane(angle) @ view for angle in angles]
    placed = tuple(
        Particle(0, (float(row), float(column)), float(numbers.uniform(-60, 60)), turn.astype(np.float32))
        for (row, column), turn in zip(centers, turned, strict=True)
    )
    shifted = [replace(p, center=(p.center[0] + margin, p.center[1] + margin)) for p in placed]
    shown = specimen.particles(shifted, structures, contrast.grid, scene.optics, scene.dose)
    return counted(replace(contrast, particles=shown, placed=placed), scene), angles


def in_plane(angle: float) -> Values:
    """Return the ``(3, 3)`` turn of rows and columns."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def cut(image: Pixels, poses: Values, box: int) -> Iterator[Pixels]:
    """Yield particles upright, ``(box, box)``, of poses ``(n, 3)``: row, column, angle in rad."""
    smooth, middle = ndimage.spline_filter(image, output=np.float32), np.full(2, (box - 1) / 2)
    for row, column, angle in poses:
        turn = in_plane(angle)[:2, :2]
        offset = np.array([row, column]) - turn @ middle
        yield ndimage.affine_transform(smooth, turn, offset, (box, box), order=3, prefilter=False)


HALVES = (
    Condition("as real"),
    Condition("a third of the particles", particles=1 / 3),
    Condition("three times the particles", particles=3),
    Condition("a quarter of the dose", dose=0.25),
    Condition("on a background of 200 Å, 2 σ", specimen=parts.background(200, 2)),
    Condition("ten unfolded chains a particle", specimen=parts.chains(10)),
)
DOSES = (
    Condition("2 e⁻/Å²"),
    Condition("0.3 e⁻/Å²", dose=0.15),
    Condition("0.3 e⁻/Å², half the particles", dose=0.15, particles=0.5),
    Condition("0.3 e⁻/Å², on a background of 200 Å, 2 σ", dose=0.15, specimen=parts.background(200, 2)),
)
CLASSES = (Condition("20 e⁻/Å²"), Condition("5 e⁻/Å²", dose=0.25))
SETS: dict[str, tuple[Callable[[Condition], Data], tuple[Condition, ...]]] = {
    "k2": (k2_halves, HALVES),
    "apoferritin": (frames, DOSES),
}
