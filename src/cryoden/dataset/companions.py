"""Which files belong to which micrographs, from what their names have around a common part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cryoden.dataset.output_paths import micrographs_in
from cryoden.errors import HalvesError, SettingsError, printable
from cryoden.formats.names import stem_of

HALVES = {"even", "odd"}
SHOWN = 3
SAMPLED = 50  # micrographs whose names are looked for everywhere; those of the others follow from them
Tag = tuple[str, str]  # what stands before and after the micrograph's name


def named(words: Sequence[str]) -> dict[str, list[Path]]:
    """Return the files of each ``NAME=PATH``; a word without ``=`` goes to the name before it.

    Raises
    ------
    SettingsError
        S04 for a word that has no name and none before it.
    """
    found: dict[str, list[Path]] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if equals and name:
            found.setdefault(name, []).append(Path(path))
        elif found and not equals:
            found[next(reversed(found))].append(Path(word))
        else:
            problem = f"'{printable(word)}' has no name (expected NAME=PATH)"
            raise SettingsError("S04", None, problem, fix="For example --other topaz=denoised_by_topaz/")
    return found


def companions(names: Mapping[Path, str], paths: Sequence[Path], what: str) -> dict[Path, Path]:
    """Return for each micrograph the file that belongs to it.

    A file belongs to a micrograph when its name holds the micrograph's, with the same text
    before and after it for all: ``a_EVN_denoised`` and ``b_EVN_denoised`` to ``a_EVN`` and
    ``b_EVN``. Where halves lie in folders ``even`` and ``odd``, so must these.

    Parameters
    ----------
    names : mapping of Path to str
        The name to look for, by micrograph.
    paths : sequence of Path
        Files, and folders which are searched to their depth. More files may be there.
    what : str
        What the files are, for messages.

    Raises
    ------
    HalvesError
        D01 when there is no file, D02 when a micrograph has none that belongs to it, D07 when
        two files could.
    """
    missing = next((path for path in paths if not path.exists()), None)
    own = {path.resolve() for path in names}
    files = [] if missing else [file for file in micrographs_in(paths) if file.resolve() not in own]
    if not files:
        problem = f"0 files of {what}" if missing is None else f"no such file or folder (of {what})"
        raise HalvesError("D01", missing, problem, kept="Nothing was evaluated", fix="Check the path")
    sample = list(names)[:: len(names) // SAMPLED + 1]
    tag = _commonest(_tags(path, names[path], files) for path in sample)
    of_stem: dict[str, list[Path]] = {}
    for file in files:
        of_stem.setdefault(stem_of(file), []).append(file)
    known = {
        path: [file for file in of_stem.get(name.join(tag), ()) if not _of_other_half(path, file)]
        for path, name in names.items()
    }
    alone = [names[path] for path, found in known.items() if not found]
    if alone:
        raise _no_partner(alone, len(names), tag, what)
    return {path: _only(found, names[path], what) for path, found in known.items()}


def _tags(micrograph: Path, name: str, files: Iterable[Path]) -> dict[Tag, list[Path]]:
    """Return the files whose name holds ``name``, by what stands around it."""
    found: dict[Tag, list[Path]] = {}
    for file in files:
        before, holds, after = stem_of(file).partition(name)
        if holds and not _of_other_half(micrograph, file):
            found.setdefault((before, after), []).append(file)
    return found


def _of_other_half(micrograph: Path, file: Path) -> bool:
    return {micrograph.parent.name.lower(), file.parent.name.lower()} == HALVES


def _commonest(tags: Iterable[Mapping[Tag, object]]) -> Tag:
    counts = Counter(tag for known in tags for tag in known)
    return min(counts, key=lambda tag: (-counts[tag], len("".join(tag)), tag), default=("", ""))


def _no_partner(alone: Sequence[str], total: int, tag: Tag, what: str) -> HalvesError:
    shown = ", ".join(printable(name) for name in alone[:SHOWN])
    more = f" and {len(alone) - SHOWN:,} more" if len(alone) > SHOWN else ""
    example = printable(f"{tag[0]}{alone[0]}{tag[1]}.mrc")
    problem = (
        f"{what}: {len(alone):,} of {total:,} micrographs have no file: {shown}{more} (expected {example})"
    )
    return HalvesError(
        "D02", None, problem, kept="Nothing was evaluated", fix="Add the files or leave the micrographs out"
    )


def _only(files: Sequence[Path], name: str, what: str) -> Path:
    if len(files) > 1:
        problem = f"{what}: stands for {name}, and so does {printable(files[1])}"
        raise HalvesError("D07", files[0], problem, kept="Nothing was evaluated", fix="Leave one of them out")
    return files[0]
