"""The suite of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sluice.core import registry
from sluice.core.errors import ConfigError
from sluice.data.config import TASKS, checked_config, dump_config, load_config, parse_config
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import matching_files, read_raw
from sluice.data.ingest.validation import screen
from sluice.evaluation.learner import LEARNERS, Learner
from sluice.subsets.registry import selectors_for
from sluice.tasks.contract import Task

ROWS = "sluice.rows"


def check_task(folder: Path) -> None:
    """Check that a task keeps its contract, on a dataset of it.

    It is registered with its learner and the rows that `sluice.select` takes; its configuration
    is written and read again, and refuses keys and methods that nobody knows; every row of the
    files is kept or set aside with its reason; a kept row has keys, is shown on one line, read by
    an encoder, written back, and taken by `sluice.select` as the same row.

    Parameters
    ----------
    folder : Path
        A dataset's folder with its files and its `dataset.yaml`.

    Raises
    ------
    AssertionError
        It does not, and how.
    """
    config = load_config(folder)
    task: Task = registry.load(TASKS, config.task)
    same = config.task == task.name
    _expect(same, f"it is registered as {config.task} and called {task.name}.")
    for group in (LEARNERS, ROWS):
        there = {*registry.names(group)} >= {task.name}
        _expect(there, f"{task.name} is not registered in {group}.")
    _expect(issubclass(registry.load(LEARNERS, task.name), Learner), "its learner is no Learner.")
    known = {each.name for each in selectors_for(task.name)}
    _expect({*task.short_list} <= known, f"of its short list it cannot use {task.short_list}.")
    _expect("random_stratified" in known, "it cannot use random_stratified, the control.")
    again = parse_config(dump_config(config).encode(), "dataset.yaml")
    _expect(again == config, "its configuration is not the same once written and read.")
    raw: dict[str, Any] = yaml.safe_load((folder / "dataset.yaml").read_text("utf-8"))
    for wrong in ({"no_such_section": 1}, {"selectors": ["no_such_method"]}):
        try:
            checked_config({**raw, **wrong}, "dataset.yaml is not valid.")
        except ConfigError as error:
            word = "no_such"
            _expect(word in str(error), f"of {wrong} its configuration says {str(error)!r}.")
        else:
            raise AssertionError(f"its configuration takes {wrong}.")
    _check_rows(folder, config, task)


def _check_rows(folder: Path, config: Any, task: Task) -> None:
    rows, table = task.rows, read_raw(folder, config)
    prepared = prepare(table, config)
    kept, away = prepared.instances.num_rows, prepared.rejected.num_rows
    _expect(kept > 0 and kept + away == table.num_rows, "a row is neither kept nor set aside.")
    _expect(all(prepared.rejected["reason"].to_pylist()), "a row is set aside without a reason.")
    texts = prepared.instances["text"].to_pylist()
    for text in texts:
        _expect(rows.keys(text) == rows.keys(text), "the keys of a row change.")
        shown = rows.display(text)
        _expect(bool(shown.strip()) and "\n" not in shown, f"a row is shown as {shown!r}.")
        _expect(bool(rows.embedded(text).strip()), "of a row an encoder reads nothing.")
    restored = rows.restore(prepared.instances.select(["instance_id", "label", "text"]))
    _expect(restored.num_rows == kept, "rows are lost where they are written back.")
    _check_taken(folder, config, task)


def _check_taken(folder: Path, config: Any, task: Task) -> None:
    path = matching_files(folder, config)[0]
    read = task.rows.read(path, path.name, config)
    usable = screen(read.raw, config).kept
    labels = [row.label for row in usable] if task.rows.labels_beside else None
    taken = registry.load(ROWS, task.name).take(read.taken(usable), labels, None, config)
    same = sorted(taken.texts) == sorted(row.text for row in usable)
    _expect(same, "the rows that `sluice.select` takes are not those of the dataset.")


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)
