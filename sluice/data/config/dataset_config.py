"""What every `dataset.yaml` may say, and the rules that hold between its parts.

Each task has a model of its own, which adds its sections and columns: `sluice.tasks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from sluice.core import registry
from sluice.core.errors import ConfigError
from sluice.data.config.base import Section, Seed, distinct, keys_of
from sluice.data.config.columns import Columns
from sluice.data.config.errors import Location, explain
from sluice.data.config.reading import Reading
from sluice.data.config.sections import (
    Encoder,
    Evaluation,
    Graph,
    Limits,
    Split,
    Training,
)

TASKS = "sluice.tasks"
"""Group of entry points of the tasks."""


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

Budgets = Annotated[list[Budget], Field(min_length=1, max_length=100), AfterValidator(distinct)]


class DatasetConfig(Section, frozen=True):
    """A dataset: its files, what they mean and what is done with them.

    Validated, this class itself gives the model of the task that is named.
    """

    task: str = Field(description="What the dataset is for.")
    files: Annotated[
        list[Annotated[str, AfterValidator(_relative)]],
        Field(min_length=1, max_length=1000),
        AfterValidator(distinct),
    ] = Field(description="Files or patterns, relative to the folder.")
    columns: Columns = Field(description="Which column means what.")
    reading: Reading = Field(default=Reading(), description="How the files are written.")
    split: Split = Field(default=Split(), description="Validation and test shares.")
    encoder: Encoder = Field(default=Encoder(), description="What embeds the texts.")
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
    budgets: Budgets = Field(
        default=[0.01, 0.02, 0.05, 0.10, 0.20],
        description="Sizes of the subsets: counts (500) or shares of the training rows (0.05).",
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
    limits: Limits = Field(default=Limits(), description="What a row may be at most.")
    plots: bool = Field(
        default=True,
        description="Whether stages draw plots for the Dagster UI; the report always has its own.",
    )

    not_read: ClassVar[Mapping[str, str]] = {}
    """Shared section, or key of one after a point, that the task does not read, to the reason or
    what to do instead."""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Section of the task's own to what to do where another task's file has it."""
    of_datasets: ClassVar[frozenset[str]] = frozenset(
        {"task", "files", "reading", "selectors", "options", "budgets", "seeds"}
        | {"chosen_budget", "limits", "plots"}
    )
    """Keys that mean nothing to rows without a dataset, as `sluice.select` takes them."""

    @classmethod
    def of(cls, config: DatasetConfig) -> Self:
        """Return a configuration as what it is known to be.

        Raises
        ------
        ConfigError
            It is that of another task.
        """
        if not isinstance(config, cls):
            raise ConfigError(f"The task {config.task} is not configured by a {cls.__name__}.")
        return config

    @property
    def keeps_unlabelled(self) -> bool:
        """Whether rows without a label are kept and not set aside."""
        return False

    @classmethod
    def foreign(cls, place: Location) -> tuple[Location, str] | None:
        """Say of a key that the task does not have which tasks do: where it is wrong, and how.

        Returns
        -------
        tuple or None
            None where no task has it.
        """
        *section, key = map(str, place)
        if not section:
            owners = dict(_readers(key))
            if owners:
                advice = next(iter(owners.values())).elsewhere.get(key, "remove it")
                return (), _belongs(key, list(owners), advice)
        models = dict(config_models())
        if section == ["columns"] and any(key in keys_of(columns_of(m)) for m in models.values()):
            advice = columns_of(cls).advice.get(key, "remove it")
            task = next((name for name, model in models.items() if model is cls), "")
            return ("columns",), f"has {key}, which the task {task} does not read; {advice}"
        return None

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_task(cls, raw: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if cls is not DatasetConfig or not isinstance(raw, Mapping):
            return handler(raw)
        given = cast("Mapping[str, object]", raw)
        return cast("Self", _model_of(given).model_validate(given))

    @model_validator(mode="after")
    def _chosen_among_budgets(self) -> Self:
        if self.chosen_budget not in self.budgets:
            raise ValueError(
                f"has chosen_budget {self.chosen_budget!r}, which is not among budgets "
                f"{self.budgets}; add it there or choose one of them"
            )
        return self

    @model_validator(mode="after")
    def _split_by_one_rule(self) -> Self:
        if self.columns.split is not None and self.split.by != "hash":
            raise ValueError(
                "has columns.split and split.by, which both say the split; remove one of them"
            )
        return self

    @model_validator(mode="after")
    def _says_nothing_unread(self) -> Self:
        for path, advice in self.not_read.items():
            section, _, key = path.rpartition(".")
            holder: BaseModel = getattr(self, section) if section else self
            if getattr(holder, key) != type(holder).model_fields[key].default:
                raise ValueError(_belongs(path, [name for name, _ in _readers(path)], advice))
        return self


def checked_config(raw: Mapping[str, object], intro: str) -> DatasetConfig:
    """Check what a `dataset.yaml` says by the model of its task.

    Parameters
    ----------
    raw : mapping
        Its keys and values.
    intro : str
        First line of the message where something is wrong.

    Raises
    ------
    ConfigError
        A line for each wrong key.
    """
    try:
        return DatasetConfig.model_validate(raw)
    except ValidationError as error:
        known = raw.get("task") in registry.names(TASKS)
        model = _model_of(raw) if known else DatasetConfig
        raise ConfigError(f"{intro}\n{explain(error, model, model.foreign)}") from None


def config_models() -> Iterator[tuple[str, type[DatasetConfig]]]:
    """Return the model of every task by its name."""
    return ((name, task.config) for name, task in registry.each(TASKS))


def _model_of(raw: Mapping[str, object]) -> type[DatasetConfig]:
    if "task" not in raw:
        raise _wrong(InitErrorDetails(type="missing", loc=("task",), input=raw))
    known, task = registry.names(TASKS), raw["task"]
    if not isinstance(task, str) or task not in known:
        problem = ValueError(f"is not a known task; known: {', '.join(known)}")
        kind = PydanticCustomError("value_error", "{error}", {"error": problem})
        raise _wrong(InitErrorDetails(type=kind, loc=("task",), input=task))
    return registry.load(TASKS, task).config


def _wrong(detail: InitErrorDetails) -> ValidationError:
    return ValidationError.from_exception_data(DatasetConfig.__name__, [detail])


def _readers(path: str) -> Iterator[tuple[str, type[DatasetConfig]]]:
    """Return the tasks that read a section, or a key of one."""
    for name, model in config_models():
        if path.partition(".")[0] in keys_of(model) and path not in model.not_read:
            yield name, model


def columns_of(model: type[DatasetConfig]) -> type[Columns]:
    """Return the model of a task's section `columns`."""
    return cast("type[Columns]", model.model_fields["columns"].annotation)


def _belongs(path: str, tasks: list[str], advice: str) -> str:
    plural = "tasks" if len(tasks) > 1 else "task"
    named = " and ".join(filter(None, [", ".join(tasks[:-1]), *tasks[-1:]]))
    return f"has {path}, which is for the {plural} {named}; {advice}"
