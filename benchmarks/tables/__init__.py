"""Forty tables, every selector, ten folds: what a subset of a table is worth.

``python -m benchmarks.tables.data`` fetches the data, ``python -m benchmarks.tables.grid`` fills
the cells and resumes, ``python -m benchmarks.tables.summary`` writes the tables and plots.
"""
