"""What a person reads of a failed step is the text that says what to do."""

from collections.abc import Callable

import dagster as dg
import duckdb
import pytest

from resources.lake_errors import LakeError
from resources.step_errors import reason


def ours() -> None:
    try:
        raise duckdb.IOException("cannot open x.parquet")
    except duckdb.Error as error:
        raise LakeError("A data file is damaged. Restore it from a backup.") from error


def of_a_library() -> None:
    try:
        raise KeyError("a")
    except KeyError as error:
        raise RuntimeError("nothing works") from error


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (ours, "A data file is damaged. Restore it from a backup."),
        (of_a_library, "RuntimeError: nothing works"),
    ],
)
def test_it_is_the_error_that_was_raised_and_not_what_led_to_it(
    fails: Callable[[], None], said: str
) -> None:
    @dg.op
    def step() -> None:
        fails()

    @dg.job
    def steps() -> None:
        step()

    result = steps.execute_in_process(raise_on_error=False)
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert reason(failed.step_failure_data.error, "nothing") == said


def test_without_an_error_something_is_said() -> None:
    assert reason(None, "no error was recorded") == "no error was recorded"
