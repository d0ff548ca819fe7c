"""How the specimen moved, on disk: a STAR file as RELION's motion correction writes it, and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryoden.errors import printable
from cryoden.movies.frames import Group
from cryoden.movies.motion import Motion
from cryoden.movies.readers import Movie, is_eer
from cryoden.movies.shift_tables import SHIFTS
from cryoden.reporting.svg_charts import DASHES, names_as_they_are, plot_label
from cryoden.settings.movies import MovieSettings

OURS = "# version 50001; shifts by cryoden"
SIZE = (5.6, 3.4)  # inches


@dataclass(frozen=True)
class Course:
    """The motion of one movie, with all that is said about it."""

    movie: Movie
    groups: list[Group]
    motion: Motion
    settings: MovieSettings
    gain: Path | None = None

    def star(self) -> str:
        """Return the STAR file: what the movie is, and each frame's shift right (X) and down (Y).

        In px of the movie, as the specimen has moved since the first frame. Of EER, a frame is a group.
        """
        rows = "\n".join(
            f"{number:12d} {right:12.6f} {down:12.6f}"
            for number, (down, right) in enumerate(self._of_frames(), 1)
        )
        facts = "\n".join(f"_{label:<40} {value}" for label, value in self._facts().items())
        columns = "\n".join(f"_{name} #{number}" for number, name in enumerate(SHIFTS, 1))
        return f"{OURS}\n\ndata_general\n\n{facts}\n\ndata_global_shift\n\nloop_\n{columns}\n{rows}\n"

    def _of_frames(self) -> list[tuple[float, float]]:
        pairs = [(float(down), float(right)) for down, right in self.motion.shifts]
        if is_eer(self.movie.path):
            return pairs
        return [
            pair for pair, one in zip(pairs, self.groups, strict=True) for _ in range(one.end - one.first)
        ]

    def _facts(self) -> dict[str, object]:
        eer = is_eer(self.movie.path)
        grouping = max(one.end - one.first for one in self.groups)
        height, width = self.movie.shape
        return {
            "rlnImageSizeX": width,
            "rlnImageSizeY": height,
            "rlnImageSizeZ": len(self.groups) if eer else self.movie.frames,
            "rlnMicrographMovieName": star_word(self.movie.path.as_posix()),
            **({"rlnMicrographGainName": star_word(self.gain.as_posix())} if self.gain else {}),
            "rlnMicrographBinning": f"{self.settings.bin:.6f}",
            "rlnMicrographOriginalPixelSize": f"{self.movie.pixel_size:.6f}",
            "rlnMicrographDoseRate": f"{self.settings.dose * (grouping if eer else 1):.6f}",
            "rlnMicrographPreExposure": f"{self.settings.pre_exposure:.6f}",
            "rlnVoltage": f"{self.settings.voltage:.6f}",
            "rlnMicrographStartFrame": 1,
            **({"rlnEERUpsampling": 1, "rlnEERGrouping": grouping} if eer else {}),
            "rlnMotionModelVersion": 0,
        }

    def draw(self, path: Path) -> None:
        """Write the picture, SVG: both directions over the frames."""
        from matplotlib import rc_context  # noqa: PLC0415  it takes most of a second
        from matplotlib.figure import Figure  # noqa: PLC0415  as above

        middles = [(one.first + one.end + 1) / 2 for one in self.groups]
        with names_as_they_are(), rc_context({"svg.hashsalt": "cryoden", "svg.fonttype": "none"}):
            figure = Figure(figsize=SIZE, layout="constrained")
            plot = figure.subplots()
            for axis, name in ((1, "right (x)"), (0, "down (y)")):
                values = self.motion.shifts[:, axis] * (self.movie.pixel_size or 1.0)
                plot.plot(middles, values, marker=".", linestyle=DASHES[1 - axis], label=name)
            plot.set(xlabel="frame", ylabel="shift (Å)", title=plot_label(self.movie.path.stem))
            plot.grid(alpha=0.3)
            plot.legend(frameon=False)
            figure.savefig(path, format="svg", metadata={"Date": None})


def star_word(text: str) -> str:
    """Return a value as STAR files hold it: in quotes where it must be."""
    shown = printable(text)
    if not shown or any(letter.isspace() for letter in shown) or shown[0] in "'\"#_":
        return f"'{shown}'" if '"' in shown else f'"{shown}"'
    return shown


def is_ours(path: Path) -> bool:
    """Tell whether a STAR file is one that this module has written."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(len(OURS)) == OURS
    except OSError:
        return False
