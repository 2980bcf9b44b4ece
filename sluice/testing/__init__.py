"""Suites that any package can call on what it adds to Sluice."""
