"""`python -m sluice.cli` is `sluice`."""

from sluice.core.interruption import main

main()
