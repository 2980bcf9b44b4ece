"""Which datasets are refreshed by themselves, and which wait for somebody's word.

What a person has cancelled stays so until the dataset's folder changes or somebody runs it, and the
examples that come with Sluice are carried once somebody has run them or changed them.
"""

from dataclasses import dataclass

import dagster as dg

from assets.lineages import LINEAGES
from resources.locks import PARTITION_TAG

DIGEST_TAG = "sluice/folder_digest"
EVALUATIONS = "evaluations"

_REPORTS = {lineage.task.key("report") for lineage in LINEAGES.values()}
_MOST = 16


@dataclass(frozen=True)
class Past:
    """The newest runs that were to bring one dataset up to date, newest first."""

    instance: dg.DagsterInstance
    runs: list[dg.RunRecord]

    @classmethod
    def of(cls, instance: dg.DagsterInstance, dataset: str) -> "Past":
        """Look them up; runs of single assets and of evaluations apart are none of them."""
        found = instance.get_run_records(
            dg.RunsFilter(tags={PARTITION_TAG: dataset}), limit=_MOST, ascending=False
        )
        return cls(instance, [record for record in found if _is_whole(record.dagster_run)])

    def cancelled(self, digest: str) -> bool:
        """Whether the last one was cancelled, and the folder is what it was then.

        A run that was started in the UI does not say what the folder was: it is noted now.
        """
        if not self.runs:
            return False
        run = self.runs[0].dagster_run
        if run.status != dg.DagsterRunStatus.CANCELED:
            return False
        if DIGEST_TAG not in run.tags:
            self.instance.add_run_tags(run.run_id, {DIGEST_TAG: digest})
        return run.tags.get(DIGEST_TAG, digest) == digest

    def failures(self, digest: str) -> tuple[int, float]:
        """Return how many failed in a row on this state of the folder, and when the last ended."""
        of_state = [run for run in self.runs if run.dagster_run.tags.get(DIGEST_TAG) == digest]
        count = 0
        for run in of_state:
            if run.dagster_run.status != dg.DagsterRunStatus.FAILURE:
                break
            count += 1
        return count, (of_state[0].end_time or 0.0) if count else 0.0


def _is_whole(run: dg.DagsterRun) -> bool:
    if run.job_name.endswith(f"_{EVALUATIONS}"):
        return False
    chosen = run.asset_selection
    return DIGEST_TAG in run.tags or chosen is None or not _REPORTS.isdisjoint(chosen)
