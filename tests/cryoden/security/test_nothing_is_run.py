"""No file makes the program run anything, and no command talks to another machine."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cryoden.checkpoints.interrupted import begun, halves, until
from tests.cryoden.cli.asked import QUICK
from tests.cryoden.hostile import header, made, pixels
from tests.cryoden.movies.movies import write_mrc
from tests.cryoden.scenes import scene, write_halves
from tests.cryoden.security.audited import TAINT

ROOT = Path(__file__).parents[3]
RUNS = f"open('{TAINT}', 'w').close()"  # what a file would like to have run, in the current folder


DOES_ALL = """
import pickle, socket, subprocess, sys
from contextlib import suppress
from pathlib import Path
from tests.cryoden.security.audited import Audit
audit = Audit(Path(sys.argv[1]))
exec(compile("x = 1", sys.argv[1] + "/m.py", "exec"))
with suppress(OSError):
    socket.create_connection(("127.0.0.1", 9), timeout=1)
subprocess.run([sys.executable, "-c", ""])
pickle.loads(pickle.dumps(Path))
print(audit.taken())
"""


class Bomb:
    """Leaves a file behind where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (RUNS,)


def audited(folder: Path, *commands: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Return status and what was seen of each of some commands, run in a folder, and what was said."""
    # -P: as with the program `cryoden`, the current folder is no place for modules.
    program = [sys.executable, "-P", "-m", "tests.cryoden.security.audited", str(folder)]
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    done = subprocess.run(
        program,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of halves, among modules that would be imported from the current folder."""
    folder = tmp_path_factory.mktemp("project")
    for number in range(2):
        write_halves(folder, scene(number))
    (folder / "movies").mkdir()
    for number in range(2):
        write_mrc(folder / "movies" / f"m{number}.mrcs", np.stack([scene(number).even.data] * 4), 1.5)
    for name in ("numpy", "torch", "yaml", "mrcfile", "sitecustomize", "cryoden", "jinja2"):
        (folder / f"{name}.py").write_text(RUNS)
    return folder


def test_no_command_talks_to_another_machine_or_starts_a_program(project: Path) -> None:
    model = ["--model", "run/model.safetensors"]
    commands = [
        ["--help"],
        ["info", "."],
        ["train", "--halves", ".", "--run", "run", "--epochs", "1", *QUICK],
        ["denoise", "m0_EVN.mrc", *model, "--output", "denoised"],
        ["denoise", "m0_EVN.mrc", "--output", "general", "--device", "cpu"],
        ["evaluate", ".", *model, "--report", "e.html", "--figures", "e.json"],
        ["train", "--resume", "run", "--epochs", "2", "--force"],
        ["report", "run"],
        ["halves", "movies", "--output", "sums", "--device", "cpu"],
        ["pick", "m0_EVN.mrc", "--output", "picks", "--diameter", "60"],
        ["compare", "run", "--report", "c.html"],
        ["simulate", "--output", "simulated", "--count", "1", "--edge", "256"],
    ]
    found, said = audited(project, *commands)
    quiet = [{"asked": asked, "status": 0, "seen": []} for asked in commands]
    assert found == quiet, said
    assert not (project / TAINT).exists()


def _pickled_table(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)


def _executable_header(path: Path) -> None:
    """A header of numpy's is a Python expression; it must not be more than a literal."""
    text = f"{{'descr': {RUNS}, 'fortran_order': False, 'shape': (1,)}}".ljust(200).encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)


def _yaml(path: Path) -> None:
    path.write_text(f'results: !!python/object/apply:builtins.exec ["{RUNS}"]\n')


def _torch_model(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": Bomb()}))


def _star(path: Path) -> None:
    name = f"$({RUNS})`{RUNS}`.mrc".replace(" ", "")
    path.write_text(f"data_\nloop_\n_rlnMicrographName #1\n{name}\n")


def _label(path: Path) -> None:
    made(path, header(), pixels())
    raw = bytearray(path.read_bytes())
    raw[220:224] = (1).to_bytes(4, "little")
    raw[224:304] = f"{{{{ {RUNS} }}}}".ljust(80).encode()
    path.write_bytes(raw)


def _run_of_pickles(path: Path) -> None:
    """A run that was left, whose checkpoints are what torch would unpickle."""
    until(begun(halves(path.with_name("of_the_run"), 2), path), 2)
    for checkpoint in (path / "checkpoints").glob("step-*"):
        _torch_model(checkpoint)


def _boxes(path: Path) -> None:
    path.write_text(f"10 {RUNS.replace(' ', '')} 40 40\n")


MOVIES = ["halves", "movies", "--output", "x", "--device", "cpu"]
HOSTILE = {
    "pickled.cs": (_pickled_table, ["info"], 1),
    "expression.cs": (_executable_header, ["info"], 1),
    "group.csg": (_yaml, ["info"], 1),
    "list.star": (_star, ["info"], 1),
    "label.mrc": (_label, ["info"], 0),
    "run.json": (_yaml, ["compare"], 1),
    "pickled.safetensors": (_torch_model, ["denoise", "m0_EVN.mrc", "--output", "x", "--model"], 1),
    "pickled_run": (_run_of_pickles, ["train", "--resume"], 1),
    "gain.mrc": (_torch_model, [*MOVIES, "--gain"], 3),
    "defects.txt": (_boxes, [*MOVIES, "--defects"], 3),
    "picks.box": (_boxes, ["evaluate", ".", "--picks"], 1),
    "picks.cs": (_pickled_table, ["evaluate", ".", "--picks"], 1),
    "queue.yaml": (_yaml, ["denoise", "m0_EVN.mrc", "--output", "x", "--cluster"], 2),
}


def test_a_file_that_would_run_something_is_data_or_is_refused(project: Path) -> None:
    for name, (write, _, _) in HOSTILE.items():
        write(project / name)
    commands = [[*command, name] for name, (_, command, _) in HOSTILE.items()]
    found, said = audited(project, *commands)
    assert {one["asked"][-1]: one["status"] for one in found} == {n: s for n, (_, _, s) in HOSTILE.items()}
    assert not [one for one in found if one["seen"]]
    assert not (project / TAINT).exists()
    assert "Traceback" not in said
    assert "G03" not in said


def test_the_audit_sees_what_would_be_run_or_sent(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DOES_ALL, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for expected in ("exec ", "socket.connect", "subprocess.Popen", "pickle.find_class"):
        assert expected in done.stdout
