"""Classical models on rows of numbers."""
