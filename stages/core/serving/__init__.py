"""Asking a finished model: from the command line, and over HTTP."""
