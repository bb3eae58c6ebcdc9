"""Decoding, packing, and reading what was packed."""
