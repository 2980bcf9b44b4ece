"""A task: its name, its partitions, and how its asset keys are spelt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import dagster as dg

from assets.lineage.automation import FROM_ASSETS, FROM_FILES
from assets.lineage.checking import Check, look_at
from resources.schema import TABLES
from sluice.data.config import DatasetConfig

RANDOM = "random_stratified"
OWNERS = ["team:sluice"]
_TYPES = {"VARCHAR": "string", "BIGINT": "int", "INTEGER": "int", "DOUBLE": "float"}


@dataclass(frozen=True)
class Task:
    """What a dataset is for; every dataset of the task is one partition of its assets.

    Attributes
    ----------
    name : str
    short_list : tuple of str
        Selectors of a dataset that names none.
    graphs : tuple of str
        Graphs of the lineage, the default one first.
    trained : str
        Method of the asset that trains the challenger.
    joint_scores : mapping of str to str
        Scores that one asset makes together: name of a score to method of its asset.
    reads : callable
        What the sentence encoder reads of a row's text.
    """

    name: str
    short_list: tuple[str, ...]
    graphs: tuple[str, ...]
    trained: str
    joint_scores: Mapping[str, str] = field(default_factory=dict)
    reads: Callable[[str], str] = str
    partitions: dg.DynamicPartitionsDefinition = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "partitions", dg.DynamicPartitionsDefinition(name=self.name))

    def key(self, *parts: str) -> dg.AssetKey:
        """Return the key `[task, stage, method]` of an asset."""
        return dg.AssetKey([self.name, *parts])

    def model_name(self, dataset: str) -> str:
        """Return the name of a dataset's registered model."""
        return f"sluice.{self.name}.{dataset}"

    def score_key(self, name: str) -> dg.AssetKey:
        """Return the key of the asset that makes a score."""
        return self.key("scores", self.joint_scores.get(name, name))

    def compared(self, config: DatasetConfig) -> set[str]:
        """Return the selectors that a dataset compares; random rows are always among them."""
        return {*(config.selectors or self.short_list), RANDOM}

    def asset(
        self,
        *parts: str,
        version: str,
        table: str | None = None,
        checks: Sequence[Check] = (),
        **options: Any,
    ) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
        """Decorate an asset of this task: what all of them share is said here, once.

        Parameters
        ----------
        *parts : str
            Stage and method, the rest of its key.
        version : str
            Version of the method.
        table : str, optional
            Table of the lake that holds the result.
        checks : sequence of Check
            What is looked at once the asset is there; the asset takes `lake` and `datasets`.
        **options
            Of `dagster.asset`.
        """
        key = self.key(*parts)

        def decorate(body: Callable[..., dg.MaterializeResult]) -> dg.AssetsDefinition:
            @wraps(body)
            def checked(
                context: dg.AssetExecutionContext, **resources: Any
            ) -> dg.MaterializeResult:
                result = body(context, **resources)
                lake, datasets = resources["lake"], resources["datasets"]
                found = [look_at(context, lake, datasets, key, check) for check in checks]
                return result._replace(check_results=found)

            return dg.asset(
                key=key,
                partitions_def=self.partitions,
                group_name=self.name,
                owners=OWNERS,
                code_version=version,
                metadata=table_metadata(table) if table else None,
                automation_condition=FROM_ASSETS if "deps" in options else FROM_FILES,
                check_specs=[check.spec(key, self.partitions) for check in checks],
                **options,
            )(checked)

        return decorate


@dataclass(frozen=True)
class Lineage:
    """Everything that is materialised for the datasets of one task.

    Attributes
    ----------
    task : Task
    assets : list of AssetsDefinition
    wanted : callable
        Takes a dataset's configuration and returns the keys that it asks for.
    apart : callable or None
        The same for what is only made when somebody asks for it, because it takes long: a job of
        its own.
    """

    task: Task
    assets: list[dg.AssetsDefinition]
    wanted: Callable[[DatasetConfig], list[dg.AssetKey]]
    apart: Callable[[DatasetConfig], list[dg.AssetKey]] | None = None

    @property
    def stages_apart(self) -> list[dg.AssetKey]:
        """Keys of all assets that only the job apart makes."""
        if self.apart is None:
            return []
        return [asset.key for asset in self.assets if asset.key.path[1] == "evaluations"]


def table_metadata(table: str) -> dict[str, object]:
    """Return the definition metadata of an asset that is stored in one table of the lake."""
    columns = [column.split() for column in TABLES[table].split(", ")]
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(name, _TYPES.get(kind, kind.lower().replace("[]", " list")))
            for name, kind in columns
        ]
    )
    return {"dagster/table_name": f"lake.{table}", "dagster/column_schema": schema}
