"""A task: notes of texts with classes, told apart by case, unlike texts."""

from typing import Literal

from sluice.tasks.config import TaskConfig
from sluice.tasks.contract import Task
from sluice.tasks.text.config import TextColumns
from sluice.tasks.text.rows import TextFormat


class NotesConfig(TaskConfig, frozen=True):
    """A dataset of notes."""

    task: Literal["notes"]
    columns: TextColumns = TextColumns(text="body", label="kind")


class NoteFormat(TextFormat):
    def keys(self, text):
        return text, text


TASK = Task(
    name="notes",
    rows=NoteFormat(),
    config=NotesConfig,
    short_list=("random_stratified", "longest_texts"),
    methods=("random_stratified", "margin"),
)
