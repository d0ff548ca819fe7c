"""Jobs of the CCP-EM Pipeliner and of Doppio: train, denoise, evaluate.

They are found by the entry points ``ccpem_pipeliner.jobs``. Each runs this program's own command line in the
project's folder, in the environment in which the job was found; exit status 0 is success.

Contract: ``pipeliner.pipeliner_job`` of ccpem-pipeliner 1.6.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeliner.external_program_utils import ExternalProgram
from pipeliner.job_options import MultipleChoiceJobOption
from pipeliner.nodes import (
    NODE_EVALUATIONMETRIC,
    NODE_LOGFILE,
    NODE_MICROGRAPHGROUPMETADATA,
    NODE_MLMODEL,
)
from pipeliner.pipeliner_job import PipelinerCommand, PipelinerJob
from pipeliner.results_display_objects import ResultsDisplayObject

from cryoden.hosts import pipeliner_displays as displays
from cryoden.hosts.pipeliner_options import (
    HALVES,
    REFERENCES,
    devices,
    how_to_train,
    micrographs,
    model,
    models,
)
from cryoden.hosts.relion import LISTED
from cryoden.io.provenance import VERSION
from cryoden.runs.folder import RunFolder

DOCUMENTATION = "docs/pipeliner.md of napari-cryoden"
TRAINING, NUMBERS, PAGE = "training", "evaluation.json", "evaluation.html"


class CryodenJob(PipelinerJob):
    """What the three jobs have in common."""

    OUT_DIR = "Cryoden"
    CATEGORY_LABEL = "Micrograph Denoising"

    def __init__(self, name: str, summary: str, description: str) -> None:
        super().__init__()
        about = self.jobinfo
        about.display_name, about.short_desc, about.long_desc = name, summary, description
        about.version, about.job_author = "1", "The napari-cryoden authors"
        about.documentation, about.references = DOCUMENTATION, REFERENCES
        said = f"print('cryoden {VERSION}')"
        about.programs = [ExternalProgram(sys.executable, "cryoden", [sys.executable, "-c", said])]

    def devices_and_more(self) -> None:
        """Add what every job ends with: where to compute, other flags, the queue."""
        self.joboptions["devices"] = devices()
        self.get_runtab_options(addtl_args=True)

    def command(self, *words: str | float) -> list[PipelinerCommand]:
        """Return what is run: this program with these words, and those that each job may have."""
        chosen = self.joboptions["devices"].get_string()
        several = chosen == "all" or "," in chosen or ":" in chosen.removeprefix("cuda:")
        where = [("--devices" if several else "--device"), chosen] if chosen else []
        # The Pipeliner puts its own Python in the place of the first word.
        program = ["python3", "-m", "cryoden.cli.main"]
        return [PipelinerCommand([*program, *words, *where, *self.parse_additional_args()])]

    def text(self, name: str) -> str:
        """Return what was chosen, or nothing."""
        return str(self.joboptions[name].get_string())

    def flags(self, **options: str) -> list[str]:
        """Return flags of those options that were chosen, each under the name of its flag."""
        chosen = {flag: self.text(name) for flag, name in options.items()}
        return [word for flag, value in chosen.items() if value for word in (f"--{flag}", value)]

    @property
    def folder(self) -> Path:
        """The job's folder, from the project's."""
        return Path(self.output_dir)


class Train(CryodenJob):
    """Train on the even and odd micrographs of a motion correction; a job that continues is resumed."""

    PROCESS_NAME = "cryoden.denoise.train"

    def __init__(self) -> None:
        super().__init__(
            "Train a micrograph denoiser",
            "Train a denoiser on even and odd micrographs",
            "Noise2Noise: a network learns to predict one half of an exposure from the other, beginning with "
            "the general model. No clean micrographs are needed.",
        )
        self.can_continue = True  # from its last checkpoint
        self.joboptions |= {"in_halves": micrographs("Even and odd micrographs:", HALVES), **how_to_train()}
        self.devices_and_more()

    def create_output_nodes(self) -> None:
        """Announce the model and the report."""
        run = RunFolder(Path(TRAINING))
        self.add_output_node(str(run.model), NODE_MLMODEL, ["cryoden"])
        self.add_output_node(str(run.report), NODE_LOGFILE, ["cryoden", "training"])

    def get_commands(self) -> list[PipelinerCommand]:
        """Return ``cryoden train``."""
        epochs = int(self.joboptions["epochs"].get_number())
        minutes = float(self.joboptions["minutes"].get_number())
        length = ["--epochs", str(epochs)] if epochs else ["--minutes", str(minutes)]
        start = self.flags(**{"start-from": "start_from", "fine-tune-from": "in_model"})
        where = ["--run", str(self.folder / TRAINING), "--resume", "auto"]
        return self.command("train", "--halves", self.text("in_halves"), *where, *length, *start)

    def create_results_display(self) -> Sequence[ResultsDisplayObject]:
        """Return curves of the training, a region before and after, and the report."""
        return displays.of_training(RunFolder(self.folder / TRAINING))


class Denoise(CryodenJob):
    """Denoise the micrographs of a STAR file; a job that continues does what is new."""

    PROCESS_NAME = "cryoden.denoise.micrographs"

    def __init__(self) -> None:
        super().__init__(
            "Denoise micrographs",
            "Denoise micrographs with a trained or the general model",
            "Results are listed in a STAR file with all that the input's says, to pick in and to look at. "
            "Extract particles from raw micrographs.",
        )
        self.can_continue = True  # results that are there are not made again
        self.joboptions |= {
            "in_mics": micrographs("Input micrographs:", "To be denoised."),
            "in_model": model("Model file to denoise with; empty for the general model."),
            "names": MultipleChoiceJobOption(
                label="Names of results in the STAR file:",
                choices=["replaced", "added"],
                default_value="replaced",
                help_text="In the place of the micrographs (rlnMicrographName), or in a column of their own.",
            ),
        }
        self.devices_and_more()

    def create_output_nodes(self) -> None:
        """Announce the list of results."""
        self.add_output_node(LISTED, NODE_MICROGRAPHGROUPMETADATA, ["relion", "cryoden", "denoised"])

    def get_commands(self) -> list[PipelinerCommand]:
        """Return ``cryoden relion``, whose folder is the job's."""
        chosen = self.flags(model="in_model", names="names")
        return self.command("relion", "--o", self.output_dir, "--in_mics", self.text("in_mics"), *chosen)

    def create_results_display(self) -> Sequence[ResultsDisplayObject]:
        """Return some micrographs before and after, and all results to leaf through."""
        return displays.of_results(self.folder / LISTED)


class Evaluate(CryodenJob):
    """Test whether models are trustworthy, and better than simple filters."""

    PROCESS_NAME = "cryoden.denoise.evaluate"

    def __init__(self) -> None:
        super().__init__(
            "Evaluate a micrograph denoiser",
            "Test whether denoised micrographs are trustworthy",
            "Compares models with low-pass and Wiener filters on even and odd micrographs, and tests for "
            "hallucinated signal.",
        )
        self.joboptions |= {
            "in_halves": micrographs("Even and odd micrographs:", HALVES),
            "in_models": models("Model files to compare; none for the general model."),
        }
        self.devices_and_more()

    def create_output_nodes(self) -> None:
        """Announce the numbers and the report."""
        self.add_output_node(NUMBERS, NODE_EVALUATIONMETRIC, ["cryoden"])
        self.add_output_node(PAGE, NODE_LOGFILE, ["cryoden", "evaluation"])

    def get_commands(self) -> list[PipelinerCommand]:
        """Return ``cryoden evaluate``."""
        given = self.joboptions["in_models"].get_list()
        chosen = ["--model", *given] if given else []
        numbers, page = str(self.folder / NUMBERS), str(self.folder / PAGE)
        written = ["--figures", numbers, "--report", page, "--overwrite"]
        return self.command("evaluate", "--halves", self.text("in_halves"), *chosen, *written)

    def create_results_display(self) -> Sequence[ResultsDisplayObject]:
        """Return conclusions, the table, and the report."""
        return displays.of_evaluation(self.folder / NUMBERS, self.folder / PAGE)
