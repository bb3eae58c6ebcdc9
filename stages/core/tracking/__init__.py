"""Mirroring runs and models to MLflow."""
