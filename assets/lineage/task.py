"""A task's lineage: its stages as Dagster's assets, and which of them a dataset asks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from assets.lineage.automation import FROM_ASSETS, FROM_FILES
from assets.lineage.checking import look_at
from assets.lineage.stage import Run, Stage, materialise
from resources.compute import GPU_POOL
from resources.schema import columns_of
from resources.store.records import Record
from sluice.data.config import DatasetConfig
from sluice.tasks.contract import Task as Spec

RANDOM = "random_stratified"
OWNERS = ["team:sluice"]
_TYPES = {"VARCHAR": "string", "BIGINT": "int", "INTEGER": "int", "DOUBLE": "float"}
_SHARED = frozenset({"lake", "datasets", "lock"})
# The box of Dagster's picture that a stage lies in, where it is not that of its own name.
_GROUPS = {
    "instances": "rows",
    "encoder": "vectors",
    "embeddings": "vectors",
    "map": "vectors",
    "warm_up": "gradients",
}


@dataclass(frozen=True)
class Task:
    """A task with its assets; every dataset of it is one partition of them.

    Attributes
    ----------
    spec : sluice.tasks.contract.Task
        What a dataset of the task is for.
    joint_scores : mapping of str to str
        Scores that one asset makes together: name of a score to method of its asset.
    partitions : DynamicPartitionsDefinition
    """

    spec: Spec
    joint_scores: Mapping[str, str] = field(default_factory=dict)
    partitions: dg.DynamicPartitionsDefinition = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "partitions", dg.DynamicPartitionsDefinition(name=self.name))

    @property
    def name(self) -> str:
        """As `dataset.yaml` says it."""
        return self.spec.name

    def key(self, *parts: str) -> dg.AssetKey:
        """Return the key `[task, stage, method]` of an asset."""
        return dg.AssetKey([self.name, *parts])

    def keys(self, names: Iterable[str]) -> list[dg.AssetKey]:
        """Return the keys of stages by their names, such as ``scores/margin``."""
        return [self.key(*name.split("/")) for name in names]

    def model_name(self, dataset: str) -> str:
        """Return the name of a dataset's registered model."""
        return f"sluice.{self.name}.{dataset}"

    def score_stage(self, name: str) -> str:
        """Return the name of the stage that makes a score."""
        return f"scores/{self.joint_scores.get(name, name)}"

    def compared(self, config: DatasetConfig) -> set[str]:
        """Return the selectors that a dataset compares; random rows are always among them."""
        return {*(config.selectors or self.spec.short_list), RANDOM}


@dataclass(frozen=True)
class Lineage:
    """Everything that is materialised for the datasets of one task.

    Attributes
    ----------
    task : Task
    stages : mapping of str to Stage
        By name, left to right.
    assets : list of AssetsDefinition
    """

    task: Task
    stages: Mapping[str, Stage]
    assets: list[dg.AssetsDefinition] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "assets", [self._asset(made) for made in self.stages.values()])

    @property
    def has_on_demand(self) -> bool:
        """Whether some stages are only made when somebody asks for them."""
        return any(made.on_demand for made in self.stages.values())

    @property
    def stages_on_demand(self) -> list[dg.AssetKey]:
        """Keys of all assets that only the job on demand makes."""
        return self.task.keys(name for name, made in self.stages.items() if made.on_demand)

    def wanted(self, config: DatasetConfig) -> list[dg.AssetKey]:
        """Return the assets that a dataset asks for by itself, and what they read."""
        return self.task.keys(self._closure(config))

    def on_demand(self, config: DatasetConfig) -> list[dg.AssetKey]:
        """Return what the job on demand makes for a dataset: its evaluations, and the page."""
        asked = [
            name
            for name, made in self.stages.items()
            if made.on_demand and made.when(self.task, config)
        ]
        return self.task.keys([*asked, "report"]) if asked else []

    def inputs(
        self, made: Stage, config: DatasetConfig, known: Mapping[str, Record]
    ) -> list[dg.AssetKey]:
        """Return what a stage reads for one configuration, and of what was made before."""
        task = self.task
        names = made.reads_of(task, config)
        if made.shows:
            wanted = self._closure(config)
            names += [name for name in made.shows if name in wanted]
        for name in made.shows_made:
            record = known.get(f"{task.name}/{name}")
            if record is not None and record.stands:
                names.append(name)
        return task.keys(dict.fromkeys(names))

    def _closure(self, config: DatasetConfig) -> list[str]:
        """Return the stages that are asked for, and all that they read, left to right."""
        todo = [
            name
            for name, made in self.stages.items()
            if not (made.only_read or made.on_demand) and made.when(self.task, config)
        ]
        found: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self.stages[name].reads_of(self.task, config)
        return [name for name in self.stages if name in found]

    def _asset(self, made: Stage) -> dg.AssetsDefinition:
        task, key = self.task, self.task.key(*made.name.split("/"))
        deps = [name for name in made.may_read_of(task) if name in self.stages]
        head = made.name.split("/")[0]

        @dg.asset(
            key=key,
            deps=task.keys(deps),
            partitions_def=task.partitions,
            group_name=f"{task.name}_{_GROUPS.get(head, head)}",
            owners=OWNERS,
            code_version=made.version,
            description=made.description,
            kinds=set(made.kinds),
            pool=GPU_POOL if made.gpu else None,
            tags=made.tags,
            metadata=table_metadata(made.table) if made.table else None,
            automation_condition=FROM_ASSETS if deps else FROM_FILES,
            check_specs=[check.spec(key, task.partitions) for check in made.checks],
            required_resource_keys=_SHARED.union(made.resources),
        )
        def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            run = Run.of(context, self)
            result = materialise(run, made)
            found = [look_at(context, run, check) for check in made.checks]
            return dg.MaterializeResult(
                asset_key=key,
                metadata=result.metadata,
                data_version=result.data_version,
                check_results=found,
            )

        return asset


def lineage(task: Task, stages: Sequence[Stage]) -> Lineage:
    """Make the lineage of a task of its stages, left to right."""
    return Lineage(task, {each.name: each for each in stages})


def table_metadata(table: str) -> dict[str, object]:
    """Return the definition metadata of an asset that is stored in one table of the lake."""
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                _TYPES.get(column.type, column.type.lower().replace("[]", " list")),
                description=column.description,
            )
            for column in columns_of(table)
        ]
    )
    return {"dagster/table_name": f"lake.{table}", "dagster/column_schema": schema}
