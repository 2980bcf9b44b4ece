"""Rows whose given label may be wrong: edits, thresholds, and how good a selection is."""
