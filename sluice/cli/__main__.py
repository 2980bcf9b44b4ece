"""`python -m sluice.cli` is `sluice`."""

from sluice.__main__ import main

main()
