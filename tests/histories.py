"""Random histories of a dataset's folder: whatever happened, a refresh equals a rebuild.

The machine edits raw files as people and programs do, refreshes the lineage in between, sometimes
with a failure at a commit, and at the end compares everything that the lake holds of the dataset
with what a lake that has never seen it computes from the same files and the same stored vectors.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from workshop import (
    Workshop,
    changing,
    check_equal,
    errors_of,
    failing,
    refresh,
    shared_rows,
    state_of,
    store_shared,
)

from assets.lineage.stage import bookkeeping_of
from resources.lake import Lake

LEAST_ROWS = 90
RENAMED = "-renamed"
MOST_FAILURES = 45
EARLY = 12
STARTS = 3
STEPS = 9

Row = tuple[Any, ...]


class History(RuleBasedStateMachine):
    """One dataset's life; `workshop` is set by whoever runs it.

    A row is its id, what its columns `content` hold, and its label.
    """

    workshop: Workshop
    content: tuple[str, ...] = ("text",)
    columns: dict[str, Any] = {"text": "text", "label": "label"}  # noqa: RUF012
    # What a column may be stored as: the same values in each.
    types: dict[str, list[pa.DataType]] = {  # noqa: RUF012
        name: [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
        for name in ("id", "text", "label")
    }
    least_rows = LEAST_ROWS
    first_rows = 140
    refreshes = 0
    failures = 0
    counted = 0

    @initialize(with_ids=st.booleans(), start=st.integers(0, STARTS - 1))
    def begin(self, with_ids: bool, start: int) -> None:
        """Begin with one of few first states, each refreshed once for all histories."""
        self.workshop.reset()
        self.with_ids = with_ids
        count = self.first_rows + 20 * start
        order = np.random.default_rng(start).permutation(len(self.workshop.pool.labels))
        self.unused = order[count:].tolist()
        first, second = order[: count // 2].tolist(), order[count // 2 : count].tolist()
        self.files: dict[str, list[Row]] = {
            "a.parquet": [self._row(i) for i in first],
            "b.parquet": [self._row(i) for i in second],
        }
        self.settings: dict[str, Any] = dict(self.workshop.case.config)
        self.names: dict[str, str] = {}
        self.stored_as: dict[str, int] = {}
        self.past: list[tuple[Any, ...]] = []
        state = f"{start} {'with' if with_ids else 'without'} ids"
        if not self.workshop.restore("lived", state):
            self.workshop.restore("lived", "empty")
            self._refresh()
            self.workshop.keep("lived", state)

    def _row(self, i: int) -> Row:
        return f"row-{i:04d}", self.workshop.pool.texts[i], self.workshop.pool.labels[i]

    def _total(self) -> int:
        return sum(map(len, self.files.values()))

    def _labelled(self) -> int:
        return sum(row[-1] != "" for lines in self.files.values() for row in lines)

    def _remember(self) -> None:
        files = {name: list(lines) for name, lines in self.files.items()}
        self.past.append((files, dict(self.settings), dict(self.names), dict(self.stored_as)))

    def _pick(self, place: float) -> tuple[str, int]:
        """Return a file and a row of it, by a place from 0 to 1 among all rows."""
        at = int(place * self._total())
        for name, lines in sorted(self.files.items()):
            if at < len(lines):
                return name, at
            at -= len(lines)
        raise AssertionError

    places = st.floats(0, 0.999)

    @rule(count=st.integers(1, 30), place=places)
    def insert(self, count: int, place: float) -> None:
        self._remember()
        name, at = self._pick(place)
        new = [self._row(self.unused.pop()) for _ in range(min(count, len(self.unused)))]
        self.files[name][at:at] = new

    @rule(count=st.integers(1, 25), place=places)
    def delete(self, count: int, place: float) -> None:
        count = min(count, self._labelled() - self.least_rows)
        if count <= 0:
            return
        self._remember()
        name, at = self._pick(place)
        del self.files[name][at : at + count]
        self._drop_empty_files()

    def _drop_empty_files(self) -> None:
        self.files = {name: lines for name, lines in self.files.items() if lines}

    @rule(place=places, other=places, what=st.sampled_from(["content", "label", "id"]))
    def edit(self, place: float, other: float, what: str) -> None:
        """Take one field over from another row: duplicates and conflicts arise by themselves."""
        self._remember()
        name, at = self._pick(place)
        elsewhere, there = self._pick(other)
        row, source = list(self.files[name][at]), self.files[elsewhere][there]
        # Which of several columns goes by the places.
        field = {"id": 0, "label": -1, "content": 1 + (at + there) % len(self.content)}[what]
        row[field] = f"{row[0]}-renamed" if what == "id" else source[field]
        self.files[name][at] = tuple(row)

    @precondition(lambda self: "labelling" in self.workshop.case.config)
    @rule(count=st.integers(1, 25), place=places)
    def blank_labels(self, count: int, place: float) -> None:
        """Take labels away; an edit or an earlier state brings them back."""
        count = min(count, self._labelled() - self.least_rows)
        if count <= 0:
            return
        self._remember()
        name, at = self._pick(place)
        part = slice(at, at + count)
        self.files[name][part] = [(*row[:-1], "") for row in self.files[name][part]]

    @rule(place=places)
    def duplicate(self, place: float) -> None:
        self._remember()
        name, at = self._pick(place)
        row = self.files[name][at]
        self.files[name].append((f"{row[0]}-copy", *row[1:]))

    @rule(count=st.integers(1, 40), place=places)
    def move(self, count: int, place: float) -> None:
        """Move rows from one file to another."""
        self._remember()
        name, at = self._pick(place)
        other = min((n for n in self.files if n != name), default="other.parquet")
        self.files.setdefault(other, []).extend(self.files[name][at : at + count])
        del self.files[name][at : at + count]
        self._drop_empty_files()

    @rule(seed=st.integers(0, 99))
    def reorder(self, seed: int) -> None:
        self._remember()
        for name, lines in self.files.items():
            order = np.random.default_rng(seed).permutation(len(lines))
            self.files[name] = [lines[i] for i in order]

    @rule()
    def rename_a_file(self) -> None:
        self._remember()
        name = min(self.files)
        self.files[f"{chr(ord(max(self.files)[0]) % 122 + 1)}.parquet"] = self.files.pop(name)

    @precondition(lambda self: self.past)
    @rule(back=st.integers(1, 3))
    def go_back(self, back: int) -> None:
        """Put an earlier state of the folder back."""
        files, settings, names, stored_as = self.past[-min(back, len(self.past))]
        self._remember()
        self.files = {name: list(lines) for name, lines in files.items()}
        self.settings, self.names, self.stored_as = dict(settings), dict(names), dict(stored_as)

    @rule(place=places)
    def rename_a_class(self, place: float) -> None:
        self._relabel(place, lambda label: label.removesuffix(RENAMED) + RENAMED)

    @rule(place=places, other=places)
    def remove_a_class(self, place: float, other: float) -> None:
        """Give the rows of one class the label of another, while two are left."""
        name, at = self._pick(other)
        label = self.files[name][at][-1]
        labels = {row[-1] for lines in self.files.values() for row in lines} - {""}
        if len(labels) > 2 and label:
            self._relabel(place, lambda _: label)

    def _relabel(self, place: float, named: Callable[[str], str]) -> None:
        self._remember()
        name, at = self._pick(place)
        gone = self.files[name][at][-1]
        for name, lines in self.files.items():
            self.files[name] = [
                (*row[:-1], named(gone)) if gone and row[-1] == gone else row for row in lines
            ]

    @precondition(lambda self: self.with_ids)
    @rule(place=places, other=places)
    def swap_ids(self, place: float, other: float) -> None:
        self._remember()
        (name, at), (elsewhere, there) = self._pick(place), self._pick(other)
        row, source = self.files[name][at], self.files[elsewhere][there]
        self.files[name][at] = (source[0], *row[1:])
        self.files[elsewhere][there] = (row[0], *source[1:])

    @rule(which=st.integers(0, 9))
    def rename_a_column(self, which: int) -> None:
        """Rename a column in the files and in dataset.yaml, or take its first name back."""
        self._remember()
        column = ("id", *self.content, "label")[which % (len(self.content) + 2)]
        if self.names.pop(column, None) is None:
            self.names[column] = f"{column}_2"

    @rule(which=st.integers(0, 9), kind=st.integers(0, 2))
    def store_a_column_otherwise(self, which: int, kind: int) -> None:
        """Store a column by another type that holds the same values."""
        self._remember()
        self.stored_as[("id", *self.content, "label")[which % (len(self.content) + 2)]] = kind

    @rule(which=st.integers(0, 99), value=st.integers(0, 99))
    def change_settings(self, which: int, value: int) -> None:
        """Change selectors, budgets, options or another section of dataset.yaml."""
        self._remember()
        changes = self.workshop.case.changes
        section = sorted(changes)[which % len(changes)]
        chosen = changes[section][value % len(changes[section])]
        self.settings.pop(section, None)
        if chosen is not None:
            self.settings[section] = chosen

    @rule(first=st.integers(1, EARLY), then=st.integers(1, EARLY), place=places, other=places)
    def change_twice_during_a_run(self, first: int, then: int, place: float, other: float) -> None:
        """Let the folder change at two moments of a run, which may fail for it."""
        changes = {
            first: lambda: self._change_now(place, other),
            first + then: lambda: self._change_now(other, place),
        }
        self._write()
        with self.workshop.at("lived"), changing(changes):
            result = refresh(self.workshop.case)
        type(self).refreshes += result.success

    def _change_now(self, place: float, other: float) -> None:
        self.change_settings(int(place * 100), int(other * 100))
        self.delete(1 + int(other * 10), place)
        self.edit(place, other, "label")
        self._write()

    @rule()
    def refresh_all(self) -> None:
        self._refresh()

    @rule(at=st.integers(1, EARLY), kept=st.booleans())
    def refresh_with_an_early_failure(self, at: int, kept: bool) -> None:
        """Let it fail among the stages that replace what they stored."""
        self.refresh_with_a_failure(at, kept)

    @rule(at=st.integers(1, MOST_FAILURES), kept=st.booleans())
    def refresh_with_a_failure(self, at: int, kept: bool) -> None:
        self._write()
        with self.workshop.at("lived"), failing(at, kept=kept):
            result = refresh(self.workshop.case)
        type(self).failures += not result.success
        if not result.success:
            assert "Failure: write" in errors_of(result), errors_of(result)

    def _write(self) -> None:
        columns = {k: self._name(v) for k, v in self.columns.items()}
        columns |= {"id": self._name("id")} if self.with_ids else {}
        path = self.workshop.folder / "dataset.yaml"
        path.write_text(yaml.safe_dump({**self.settings, "columns": columns}))
        for path in self.workshop.folder.glob("*.parquet"):
            path.unlink()
        for name, lines in self.files.items():
            columns = zip(("id", *self.content, "label"), zip(*lines, strict=True), strict=True)
            table = pa.table({self._name(n): self._array(n, c) for n, c in columns})
            table = table if self.with_ids else table.drop_columns([self._name("id")])
            pq.write_table(table, self.workshop.folder / name)

    def _name(self, column: str) -> str:
        return self.names.get(column, column)

    def _array(self, name: str, values: tuple[Any, ...]) -> pa.Array:
        first, *others = self.types[name]
        kind = (first, *others)[self.stored_as.get(name, 0) % (1 + len(others))]
        return pa.array(values, first).cast(kind)

    def _refresh(self) -> None:
        self._write()
        with self.workshop.at("lived"):
            result = refresh(self.workshop.case)
        type(self).refreshes += 1
        assert result.success, errors_of(result)

    def teardown(self) -> None:
        if not hasattr(self, "files"):
            return
        self._refresh()
        with self.workshop.at("lived"):
            if self.counted % 4 == 0:
                self._check_that_nothing_is_left_to_do()
            lived = state_of(Lake(), self.workshop.case)
            shared = shared_rows(Lake(), self.workshop.case)
        with self.workshop.at("rebuilt"):
            store_shared(Lake(), self.workshop.case, shared)
            result = refresh(self.workshop.case)
            assert result.success, errors_of(result)
            check_equal(lived, state_of(Lake(), self.workshop.case))
        type(self).counted += 1

    def _check_that_nothing_is_left_to_do(self) -> None:
        again = refresh(self.workshop.case)
        assert again.success
        for event in again.get_asset_materialization_events():
            assert bookkeeping_of(event.materialization.metadata)["unchanged"], event.asset_key


def live(machine: type[History], examples: int) -> None:
    """Run about so many histories; the first that differs from its rebuild raises.

    A failing history is shown as it is: making it shorter would take many minutes.
    """
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
