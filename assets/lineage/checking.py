"""How checks run: in the step of their asset, and only where the data differ from the last look's.

A step of its own for every check would take longer than most checks do.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.lineage.stage import Reading, cpu_counted, digest_of, is_rebuild, name_of
from resources.lake import Lake
from resources.store import checks, records

VERSION = "1"


@dataclass(frozen=True)
class Finding:
    """What a check has found; `shown` is JSON."""

    passed: bool
    shown: dict[str, Any]


Look = Callable[[Reading], Finding]


@dataclass(frozen=True)
class Check:
    """One check of one asset.

    Attributes
    ----------
    name : str
    look : callable
        Takes the dataset to read; its docstring is shown.
    also : sequence of str
        Names of further stages that it reads.
    blocking : bool
        Whether a failure stops what follows, or is a warning.
    """

    name: str
    look: Look
    also: Sequence[str] = ()
    blocking: bool = True

    def spec(self, asset: dg.AssetKey, partitions: dg.PartitionsDefinition) -> dg.AssetCheckSpec:
        """Return what Dagster knows of it before it runs."""
        with warnings.catch_warnings():
            # In preview; without partitions one dataset's pass would release another.
            warnings.simplefilter("ignore", dg.PreviewWarning)
            return dg.AssetCheckSpec(
                self.name,
                asset=asset,
                description=self.look.__doc__,
                blocking=self.blocking,
                partitions_def=partitions,
            )


def look_at(context: dg.AssetExecutionContext, read: Reading, check: Check) -> dg.AssetCheckResult:
    """Run one check, or return what it found when it last looked at the same data."""
    lake, dataset, asset = read.lake, read.dataset, context.asset_key
    state = _state(lake, dataset, [asset, *read.task.keys(check.also)])
    known = checks.find(lake, dataset, name_of(asset), check.name, state)
    unchanged = known is not None and not is_rebuild(context)
    if known is not None and unchanged:
        passed, shown = known
    else:
        with cpu_counted():
            found = check.look(read)
        passed, shown = found.passed, found.shown
        checks.append(lake, dataset, name_of(asset), check.name, state, passed, shown)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check.name,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
        metadata={**shown, "unchanged": unchanged},
    )


def _state(lake: Lake, dataset: str, reads: Sequence[dg.AssetKey]) -> str:
    """Digest what was stored, and by which run: a stage that stored again is looked at again."""
    known = records.latest(lake, dataset)
    found = [known[name_of(key)] for key in reads if name_of(key) in known]
    return digest_of([VERSION, *([r.asset, r.data_version, r.run_id] for r in found)])
