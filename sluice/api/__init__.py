"""The methods as a library: `sluice.select` and what it computes of the rows that it is given."""
