"""Choosers: which of the answers of several sources to take, learnt from items with gold."""
