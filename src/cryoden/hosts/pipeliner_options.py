"""What jobs of the CCP-EM Pipeliner ask for: inputs, and settings with their defaults and help."""

from __future__ import annotations

from pipeliner.job_options import (
    FileDescription,
    FloatJobOption,
    InputNodeJobOption,
    IntJobOption,
    JobOption,
    JobOptionCondition,
    MultiInputNodeJobOption,
    MultipleChoiceJobOption,
    StringJobOption,
)
from pipeliner.nodes import NODE_MICROGRAPHGROUPMETADATA, NODE_MLMODEL
from pipeliner.pipeliner_job import Ref

from cryoden.settings.fields import fields_of
from cryoden.settings.training import TrainingSettings
from cryoden.settings.workers import WorkerSettings

HALVES = "A STAR file with rlnMicrographNameEven and Odd, such as that of a motion correction."
STAR = FileDescription("Micrographs STAR file", [".star"])
MODEL = FileDescription("Model file of cryoden", [".safetensors"])
REFERENCES = [
    Ref(
        ["Lehtinen J", "Munkberg J", "Hasselgren J", "Laine S", "Karras T", "Aittala M", "Aila T"],
        "Noise2Noise: Learning image restoration without clean data",
        "Proc. 35th Int. Conf. Machine Learning",
        "2018",
        "80",
        pages="2965-2974",
    ),
    Ref(
        ["Palovcak E", "Asarnow D", "Campbell MG", "Yu Z", "Cheng Y"],
        "Enhancing the signal-to-noise ratio and generating contrast for cryo-EM images with convolutional "
        "neural networks",
        "IUCrJ",
        "2020",
        "7",
        pages="1142-1150",
        doi="10.1107/S2052252520013184",
    ),
]


def models(words: str) -> JobOption[list[str]]:
    """Return the input of any number of models."""
    return MultiInputNodeJobOption(
        label="Models:", node_type=NODE_MLMODEL, node_kwds=["cryoden"], pattern=MODEL, help_text=words
    )


def devices() -> JobOption[str]:
    """Return the choice of one device, or of several."""
    return StringJobOption(
        label="Devices:",
        help_text="Empty for the first GPU, or the processor. cpu, cuda:1, or a list for several: "
        f"{fields_of(WorkerSettings)['devices'][1].help}.",
        in_continue=True,
        validation_regex=r"(|auto|cpu|mps|all|(cuda:?)?\d{0,3}([,:](cuda:)?\d{1,3})*)$",
        regex_error_message="Must be cpu, all, or numbers with commas or colons between them",
        jobop_group="Running options",
    )


def micrographs(label: str, words: str) -> JobOption[str]:
    """Return the input of a list of micrographs."""
    return InputNodeJobOption(
        label=label,
        node_type=NODE_MICROGRAPHGROUPMETADATA,
        node_kwds=["relion"],
        pattern=STAR,
        help_text=words,
        is_required=True,
        in_continue=True,
    )


def model(words: str) -> JobOption[str]:
    """Return the input of one model, which may be empty."""
    return InputNodeJobOption(
        label="Model:",
        node_type=NODE_MLMODEL,
        node_kwds=["cryoden"],
        pattern=MODEL,
        help_text=words,
        in_continue=True,
    )


def how_to_train() -> dict[str, JobOption]:
    """Return what a training asks for, with the defaults, ranges and help of its settings."""
    known = fields_of(TrainingSettings)
    minutes, epochs, start = known["minutes"][1], known["epochs"][1], known["start_from"][1]
    return {
        "minutes": FloatJobOption(
            label="Minutes:",
            default_value=TrainingSettings.minutes,
            hard_min=minutes.low,
            hard_max=minutes.high,
            help_text=f"{minutes.help}.",
            deactivate_if=JobOptionCondition([("epochs", ">", 0)]),
        ),
        "epochs": IntJobOption(
            label="Epochs:",
            default_value=TrainingSettings.epochs,
            hard_min=0,
            help_text=f"{epochs.help}.",
        ),
        "start_from": MultipleChoiceJobOption(
            label="Start from:",
            choices=["general", "scratch"],
            default_value=TrainingSettings.start_from,
            help_text=f"{start.help}.",
            deactivate_if=JobOptionCondition([("in_model", "!=", "")]),
        ),
        "in_model": model("Model file to fine-tune in place of the general model; may be empty."),
    }
