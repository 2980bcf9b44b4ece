"""Says what failed, why, and how to run it again."""

import logging

import dagster as dg

from resources.locks import PARTITION_TAG
from resources.step_errors import reason

logger = logging.getLogger("sluice.failure")


def explanation(context: dg.RunFailureSensorContext) -> str:
    """Return one message: the dataset, the steps that failed with their errors, and the remedy."""
    run, failed = context.dagster_run, context.failure_event
    dataset = run.tags.get(PARTITION_TAG, "")
    steps = [
        f"  {event.step_key}: {reason(event.step_failure_data.error, 'no error was recorded')}"
        for event in context.get_step_failure_events()
    ]
    again = f"sluice run {dataset}" if dataset else f"dagster job launch -j {run.job_name}"
    return "\n".join(
        [
            f"Run {run.run_id} of {run.job_name} failed"
            + (f" for dataset {dataset}." if dataset else "."),
            *(steps or [f"  {reason(failed.job_failure_data.error, str(failed.message))}"]),
            f"Run it again with `{again}`, or with Re-execute from failure in the UI; what was "
            "committed before the failure is kept and not computed again.",
        ]
    )


@dg.run_failure_sensor(
    name="failures",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
    description="Says of each failed run what failed, why, and how to run it again.",
)
def failures(context: dg.RunFailureSensorContext) -> None:
    """Log the explanation where the daemon and the sensor's page show it."""
    context.log.error(explanation(context))
    logger.error(explanation(context))
