"""What one simulated exposure is to show, and what the microscope makes of it before the camera."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from cryoden.simulation.assemblies import AssemblyRecipe
from cryoden.simulation.detector import Detector
from cryoden.simulation.optics import Grid, Optics
from cryoden.simulation.specimen import Particle


@dataclass(frozen=True)
class Scene:
    """What one simulated exposure looks like.

    Parameters
    ----------
    edge : int
        Side of the micrograph in px.
    pixel_size : float
        Å/px.
    particles : int
        How many, at random places and orientations; 0 for empty ice.
    packed : bool
        Whether they lie side by side, in islands of a jittered hexagonal lattice, and not anywhere.
    recipes : tuple of AssemblyRecipe
        Assemblies the particles are drawn from.
    optics : Optics
        The microscope.
    dose : float
        e⁻/Å² of both halves together.
    detector : Detector
        The camera.
    ice : float
        Mean thickness of the ice in Å.
    slope : float
        Relative change of the ice's thickness from edge to edge.
    carbon : float
        Share of the width that is carbon film, at one side.
    gold : int
        Gold beads of 10 nm.
    contamination : int
        Balls of ice of 20 to 80 nm.
    seed : int
        The same seed on the same kind of device gives the same pixels.
    """

    edge: int = 1024
    pixel_size: float = 2.0
    particles: int = 60
    packed: bool = False
    recipes: tuple[AssemblyRecipe, ...] = (AssemblyRecipe("O", 900, 35, seed=4),)
    optics: Optics = field(default_factory=Optics)
    dose: float = 40.0
    detector: Detector = field(default_factory=Detector)
    ice: float = 400.0
    slope: float = 0.1
    carbon: float = 0.0
    gold: int = 0
    contamination: int = 0
    seed: int = 0

    @property
    def bare(self) -> bool:
        """Whether there is nothing but ice and particles."""
        return not (self.carbon or self.gold or self.contamination)


@dataclass(frozen=True, eq=False)
class Contrast:
    """The noise-free parts of an exposure, ``(h, w)`` tensors.

    ``particles``, ``objects`` (gold, contamination, carbon) and ``texture`` (amorphous ice and
    carbon) are relative to the mean intensity; ``transmission`` is what reaches the camera.
    """

    particles: Tensor
    objects: Tensor
    texture: Tensor
    transmission: Tensor
    placed: tuple[Particle, ...]
    grid: Grid
    edge: int

    @property
    def intensity(self) -> Tensor:
        """What reaches the camera, relative to the mean."""
        return self.transmission * (1 + self.particles + self.objects + self.texture).clamp_min(0.02)

    def cropped(self, image: Tensor) -> Tensor:
        """Return the micrograph without the margin around it."""
        margin = (self.grid.height - self.edge) // 2
        return image[margin : margin + self.edge, margin : margin + self.edge]
