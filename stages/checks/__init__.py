"""One file per promise of the data."""
