"""Random histories of a dataset's folder: whatever happened, a refresh equals a rebuild.

The machine edits raw files as people and programs do, refreshes the lineage in between, sometimes
with a failure at a commit, and at the end compares everything that the lake holds of the dataset
with what a lake that has never seen it computes from the same files and the same stored vectors.
"""

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
    CONFIG,
    Workshop,
    check_equal,
    errors_of,
    failing,
    refresh,
    state_of,
    store_missing,
)

from resources.lake import Lake

LEAST_ROWS = 90
MOST_FAILURES = 45
EARLY = 12
STARTS = 3
STEPS = 9

Row = tuple[str, str, str]


class History(RuleBasedStateMachine):
    """One dataset's life; `workshop` is set by whoever runs it."""

    workshop: Workshop
    refreshes = 0
    failures = 0
    counted = 0

    @initialize(with_ids=st.booleans(), start=st.integers(0, STARTS - 1))
    def begin(self, with_ids: bool, start: int) -> None:
        """Begin with one of few first states, each refreshed once for all histories."""
        self.workshop.reset()
        self.with_ids = with_ids
        count = 140 + 20 * start
        order = np.random.default_rng(start).permutation(len(self.workshop.pool.texts))
        self.unused = order[count:].tolist()
        first, second = order[: count // 2].tolist(), order[count // 2 : count].tolist()
        self.files: dict[str, list[Row]] = {
            "a.parquet": [self._row(i) for i in first],
            "b.parquet": [self._row(i) for i in second],
        }
        self.past: list[dict[str, list[Row]]] = []
        columns = {"text": "text", "label": "label"} | ({"id": "id"} if with_ids else {})
        path = self.workshop.folder / "dataset.yaml"
        path.write_text(yaml.safe_dump({**CONFIG, "columns": columns}))
        state = f"{start} {'with' if with_ids else 'without'} ids"
        if not self.workshop.restore("lived", state):
            self.workshop.restore("lived", "empty")
            self._refresh()
            self.workshop.keep("lived", state)

    def _row(self, i: int) -> Row:
        return f"row-{i:04d}", self.workshop.pool.texts[i], self.workshop.pool.labels[i]

    def _total(self) -> int:
        return sum(map(len, self.files.values()))

    def _remember(self) -> None:
        self.past.append({name: list(lines) for name, lines in self.files.items()})

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
        count = min(count, self._total() - LEAST_ROWS)
        if count <= 0:
            return
        self._remember()
        name, at = self._pick(place)
        del self.files[name][at : at + count]
        self._drop_empty_files()

    def _drop_empty_files(self) -> None:
        self.files = {name: lines for name, lines in self.files.items() if lines}

    @rule(place=places, other=places, what=st.sampled_from(["text", "label", "id"]))
    def edit(self, place: float, other: float, what: str) -> None:
        """Take one field over from another row: duplicates and conflicts arise by themselves."""
        self._remember()
        name, at = self._pick(place)
        elsewhere, there = self._pick(other)
        row, source = list(self.files[name][at]), self.files[elsewhere][there]
        field = ["id", "text", "label"].index(what)
        row[field] = f"{row[0]}-renamed" if what == "id" else source[field]
        self.files[name][at] = tuple(row)

    @rule(place=places)
    def duplicate(self, place: float) -> None:
        self._remember()
        name, at = self._pick(place)
        row = self.files[name][at]
        self.files[name].append((f"{row[0]}-copy", row[1], row[2]))

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
        """Put an earlier state of the files back."""
        earlier = self.past[-min(back, len(self.past))]
        self._remember()
        self.files = {name: list(lines) for name, lines in earlier.items()}

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
            result = refresh()
        type(self).failures += not result.success
        if not result.success:
            assert "Failure: write" in errors_of(result), errors_of(result)

    def _write(self) -> None:
        for path in self.workshop.folder.glob("*.parquet"):
            path.unlink()
        for name, lines in self.files.items():
            names = ("id", "text", "label") if self.with_ids else ("text", "label")
            columns = list(zip(*lines, strict=True))
            columns = columns if self.with_ids else columns[1:]
            table = pa.table(
                {n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)}
            )
            pq.write_table(table, self.workshop.folder / name)

    def _refresh(self) -> None:
        self._write()
        with self.workshop.at("lived"):
            result = refresh()
        type(self).refreshes += 1
        assert result.success, errors_of(result)

    def teardown(self) -> None:
        if not hasattr(self, "files"):
            return
        self._refresh()
        with self.workshop.at("lived"):
            if self.counted % 4 == 0:
                self._check_that_nothing_is_left_to_do()
            lived = state_of(Lake())
            embeddings = Lake().read("SELECT input_hash, encoder, vector FROM embeddings")
        with self.workshop.at("rebuilt"):
            store_missing(Lake(), embeddings)
            result = refresh()
            assert result.success, errors_of(result)
            check_equal(lived, state_of(Lake()))
        type(self).counted += 1

    @staticmethod
    def _check_that_nothing_is_left_to_do() -> None:
        again = refresh()
        assert again.success
        for event in again.get_asset_materialization_events():
            assert event.materialization.metadata["unchanged"].value, event.asset_key


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
