"""An example of everything that a package may add to Sluice."""
