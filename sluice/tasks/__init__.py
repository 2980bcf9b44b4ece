"""Tasks: a folder each, with all that Sluice knows of one task alone."""

from sluice.tasks.contract import FileRows, RowFormat, Task

__all__ = ["FileRows", "RowFormat", "Task"]
