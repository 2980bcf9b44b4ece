"""What a `dataset.yaml` may say: the whole of it, and the rules that hold between its parts."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from sluice.data.config.adaptation import Adaptation
from sluice.data.config.base import Seed
from sluice.data.config.columns import Columns, check_columns
from sluice.data.config.defaults import with_task_defaults
from sluice.data.config.label_noise import LabelNoise
from sluice.data.config.labelling import Labelling
from sluice.data.config.language import Gradients, LanguageModel, Neighbours, Tagging
from sluice.data.config.names import check_options, check_selectors
from sluice.data.config.reading import Reading
from sluice.data.config.sections import (
    Encoder,
    Encoding,
    Evaluation,
    Graph,
    Limits,
    Section,
    Split,
    Training,
    distinct,
)
from sluice.data.config.tokens import Bio, Features, Uncertainty

Task = Literal["text", "tabular", "instructions", "tokens"]
TASKS: tuple[str, ...] = get_args(Task)


def _known_task(task: object) -> object:
    if task not in TASKS:
        raise ValueError(f"is not a known task; known: {', '.join(TASKS)}")
    return task


def _relative(pattern: str) -> str:
    # Windows' rules too, so that a dataset means the same wherever it is copied to.
    windows, posix = PureWindowsPath(pattern), PurePosixPath(pattern)
    if not pattern.strip():
        raise ValueError("is empty; write a file name such as data.csv or a pattern such as *.csv")
    if posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise ValueError("leaves the dataset's folder; write a path relative to it, without '..'")
    if len(pattern) > 1000 or pattern.count("**") > 1:
        raise ValueError("is too long, or has ** twice; write a shorter pattern such as **/*.csv")
    return pattern


_LARGEST = 2**31 - 1


def _budget(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number; write a count such as 500 or a share such as 0.1")
    if isinstance(value, int) and value < 1:
        raise ValueError("keeps no row; write a count of at least 1 or a share such as 0.1")
    if isinstance(value, int) and value > _LARGEST:
        raise ValueError("is more than any dataset holds; write a count such as 500")
    if isinstance(value, float) and not 0 < value < 1:
        raise ValueError("is not a share between 0 and 1; write a count without a point")
    return value


Budget = Annotated[
    int | float,
    BeforeValidator(_budget),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": _LARGEST},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            ]
        }
    ),
]


class DatasetConfig(Section):
    """A dataset: its files, what they mean and what is done with them."""

    task: Annotated[Task, BeforeValidator(_known_task)] = Field(
        description="What the dataset is for."
    )
    files: Annotated[
        list[Annotated[str, AfterValidator(_relative)]],
        Field(min_length=1, max_length=1000),
        AfterValidator(distinct),
    ] = Field(
        description="Files (.csv, .tsv, .jsonl, .parquet; of the task tokens .conll, .bio, .iob, "
        ".tsv, .txt, .jsonl) or patterns, relative to the folder."
    )
    columns: Columns = Field(description="Which column means what.")
    reading: Reading = Field(default=Reading(), description="How the files are written.")
    split: Split = Field(default=Split(), description="Validation and test shares.")
    encoder: Encoder = Field(default=Encoder(), description="What embeds the texts.")
    encoding: Encoding = Field(
        default=Encoding(), description="What makes a vector of a row of a table."
    )
    language_model: LanguageModel = Field(
        default=LanguageModel(), description="What reads and answers prompts."
    )
    neighbours: Neighbours = Field(
        default=Neighbours(), description="Noisy copies of a row, whose loss s_ifd compares."
    )
    gradients: Gradients = Field(
        default=Gradients(), description="Gradient features of rows, for influence."
    )
    tagging: Tagging = Field(
        default=Tagging(), description="Tags that are mined where no column holds them."
    )
    bio: Bio = Field(default=Bio(), description="Tags of words, for the task tokens.")
    features: Features = Field(
        default=Features(), description="What a tagged sentence is about, for the task tokens."
    )
    adaptation: Adaptation | None = Field(
        default=None,
        description="Where it is there, taggers start from an encoder that was trained further on "
        "the training rows, for the task tokens.",
    )
    uncertainty: Uncertainty = Field(
        default=Uncertainty(), description="What the selector mnlp reads, for the task tokens."
    )
    graph: Graph = Field(default=Graph(), description="The graph of nearest neighbours.")
    selectors: Annotated[
        list[str] | None,
        AfterValidator(lambda n: n if n is None else distinct(n)),
    ] = Field(default=None, description="Methods to compare; without it the task's short list.")
    options: dict[str, dict[str, Any]] = Field(
        default={},
        description="Options of methods, such as {k_medoids: {spread: 0.5}}; "
        "`sluice methods --json` lists them.",
    )
    budgets: Annotated[
        list[Budget], Field(min_length=1, max_length=100), AfterValidator(distinct)
    ] = Field(
        default=[0.01, 0.02, 0.05, 0.10, 0.20],
        description="Sizes of the subsets: counts (500) or shares of the training rows (0.05); "
        "of the task instructions without it 0.05 and 0.1, of the task tokens 0.1, 0.25 and 0.5.",
    )
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=1000), AfterValidator(distinct)] = (
        Field(default=[0, 1, 2, 3, 4], description="Seeds of the methods that use one.")
    )
    chosen_budget: Budget = Field(
        default=0.10, description="The budget, among budgets, whose best subset trains the model."
    )
    evaluation: Evaluation = Field(
        default=Evaluation(), description="How a subset's worth is measured."
    )
    training: Training = Field(default=Training(), description="Training of the model.")
    labelling: Labelling | None = Field(
        default=None,
        description="Where it is there, rows without a label are kept apart and not set aside, and "
        "the next ones to label are asked for.",
    )
    label_noise: LabelNoise | None = Field(
        default=None,
        description="Where it is there, training rows whose given label is not to be trusted are "
        "looked for, and what leaving them out is worth is measured.",
    )
    limits: Limits = Field(default=Limits(), description="What a row may be at most.")
    plots: bool = Field(
        default=True,
        description="Whether stages draw plots for the Dagster UI; the report always has its own.",
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_task(cls, raw: object) -> object:
        return with_task_defaults(raw) if isinstance(raw, dict) else raw

    @model_validator(mode="after")
    def _chosen_among_budgets(self) -> DatasetConfig:
        if self.chosen_budget not in self.budgets:
            raise ValueError(
                f"has chosen_budget {self.chosen_budget!r}, which is not among budgets "
                f"{self.budgets}; add it there or choose one of them"
            )
        return self

    @field_validator("columns")
    @classmethod
    def _columns_of_the_task(cls, columns: Columns, info: ValidationInfo) -> Columns:
        if "task" in info.data:
            check_columns(columns, info.data["task"])
        return columns

    @field_validator("selectors")
    @classmethod
    def _selectors_of_the_task(
        cls, names: list[str] | None, info: ValidationInfo
    ) -> list[str] | None:
        if names and "task" in info.data:
            check_selectors(names, info.data["task"])
        return names

    @field_validator("options")
    @classmethod
    def _options_of_the_selectors(
        cls, options: dict[str, dict[str, Any]], info: ValidationInfo
    ) -> dict[str, dict[str, Any]]:
        if options and "task" in info.data:
            check_options(options, info.data["task"])
        return options

    @model_validator(mode="after")
    def _split_by_one_rule(self) -> DatasetConfig:
        if self.columns.split is not None and self.split.by != "hash":
            raise ValueError(
                "has columns.split and split.by, which both say the split; remove one of them"
            )
        return self

    @model_validator(mode="after")
    def _sections_of_the_task(self) -> DatasetConfig:
        for name, (tasks, advice) in SECTION_TASKS.items():
            field = type(self).model_fields[name]
            if self.task not in tasks and getattr(self, name) != field.default:
                plural = "tasks" if len(tasks) > 1 else "task"
                named = " and ".join(filter(None, [", ".join(tasks[:-1]), *tasks[-1:]]))
                raise ValueError(f"has {name}, which is for the {plural} {named}; {advice}")
        problem = _of_other_tasks(self)
        if problem is not None:
            raise ValueError(problem)
        return self


SECTION_TASKS: dict[str, tuple[tuple[str, ...], str]] = {
    "reading": (("text", "tabular", "instructions"), "remove it"),
    "encoding": (("tabular",), "write encoder instead"),
    "encoder": (("text", "instructions", "tokens"), "write encoding instead"),
    "language_model": (("instructions", "text"), "remove it"),
    "neighbours": (("instructions",), "remove it"),
    "gradients": (("instructions",), "remove it"),
    "tagging": (("instructions",), "remove it"),
    "labelling": (("text",), "remove it"),
    "label_noise": (("text",), "remove it"),
    "bio": (("tokens",), "remove it"),
    "features": (("tokens",), "write columns.features for those of a table, or remove it"),
    "adaptation": (("tokens",), "remove it"),
    "uncertainty": (("tokens",), "remove it"),
}
"""Section to the tasks that read it, and what to do about it in another."""

_TRAINED = {
    "text": "the task text fine-tunes its encoder",
    "instructions": "the task instructions fine-tunes its language model",
    "tokens": "the task tokens fine-tunes its encoder",
}

_MODELS = {
    "instructions": ("language models", "language model"),
    "tokens": ("taggers", "encoder"),
}


def _of_other_tasks(config: DatasetConfig) -> str | None:
    """Return what is wrong with settings that only some tasks read, or None."""
    training, task = config.training, config.task
    if training.family is not None and task != "tabular":
        return f"has training.family, which is for the task tabular; {_TRAINED[task]}"
    if training.warm_start and task == "tabular":
        return (
            "has training.warm_start, which is for the task text; classifiers of tables are "
            "always trained anew"
        )
    if training.warm_start and task in _MODELS:
        return (
            f"has training.warm_start, which is for the task text; {_MODELS[task][0]} are always "
            "fine-tuned anew"
        )
    rewrites = config.label_noise is not None and config.label_noise.generator == "rewriting"
    if task == "text" and config.language_model != LanguageModel() and not rewrites:
        return (
            "has language_model, which the task text reads for label_noise with generator: "
            "rewriting alone; add that, or remove it"
        )
    if config.evaluation.learner is not None and task in _MODELS:
        return (
            f"has evaluation.learner, which is for the tasks text and tabular; the task {task} "
            f"fine-tunes its {_MODELS[task][1]} on each subset"
        )
    return None
