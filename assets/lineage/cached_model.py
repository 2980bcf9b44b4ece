"""Weights that are kept in a folder, and stand while few of the rows have changed that made them.

The folder's name is a digest of the settings and of the rows, so that equal inputs share it. It
appears when it is complete: a killed run leaves none under that name.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.lineage.stage import Run, digest_of
from assets.tabular.encoder import KEEP_TAG
from resources.store import records
from sluice.core.drafts import draft


@dataclass(frozen=True)
class CachedModel:
    """The weights of one stage of one dataset.

    Attributes
    ----------
    called : str
        What they are; the stage's details keep their name under this.
    root : Path
        Folder of their folders.
    settings : str
        Digest of everything but rows that they depend on.
    most : float
        Share of the rows that may change before they are made again.
    option : str
        How `dataset.yaml` calls that share.
    """

    called: str
    root: Path
    settings: str
    most: float
    option: str

    def there(self, run: Run) -> bool:
        """Whether the folder that the stage's last record names is there."""
        return run.previous is not None and self._folder_of(run.previous).is_dir()

    def load_or_train(
        self,
        run: Run,
        rows: Sequence[str],
        make: Callable[[Path], dict[str, Any]],
        made_of: Sequence[str] | None = None,
    ) -> tuple[dict[str, Any], str]:
        """Keep the weights of the last record, or make others.

        Parameters
        ----------
        run : Run
            A rebuild makes them anew, unless it has the tag `KEEP_TAG`.
        rows : sequence of str
            Contents of the rows by which a change is measured.
        make : callable
            Writes the weights to a folder that is not there yet, and returns what it found.
        made_of : sequence of str, optional
            Contents of all rows that the weights depend on; by default `rows`.

        Returns
        -------
        details : dict
            For the record: the name, `settings`, `sample` (the rows), and what was found.
        verdict : str
            Why they were made, or nothing where they stand.
        """
        previous = run.previous
        anew = run.is_rebuild and run.context.run.tags.get(KEEP_TAG) != "true"
        here = previous is not None and self._folder_of(previous).is_dir()
        verdict = self._verdict(previous if here else None, rows)
        if anew and not verdict:
            verdict = "This is a rebuild."
        if previous is not None and not verdict:
            return dict(previous.details), ""
        name = digest_of([self.settings, sorted(rows if made_of is None else made_of)])[:20]
        with whole_folder(self.root / name) as draft:
            found = make(draft)
        sample = sorted(rows)
        return {self.called: name, "settings": self.settings, "sample": sample, **found}, verdict

    def _folder_of(self, record: records.Record) -> Path:
        return self.root / record.details[self.called]

    def _verdict(self, previous: records.Record | None, rows: Sequence[str]) -> str:
        if previous is None:
            return f"There is no {self.called} to keep."
        if previous.details["settings"] != self.settings:
            return "The model or the settings of the training have changed."
        before = previous.details["sample"]
        shared = len(set(rows) & set(before))
        changed = 1 - shared / max(1, len(rows), len(before))
        if changed > self.most:
            return f"{changed:.0%} of its rows have changed, more than {self.option} {self.most:g}."
        return ""


@contextmanager
def whole_folder(target: Path) -> Generator[Path]:
    """Give a path to write a folder to; it takes its name when the block has ended well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with draft(target) as hidden:
        yield hidden
        if target.exists():
            target.rename(hidden.with_name(f"{hidden.name}.old"))
        hidden.rename(target)
