"""params.yaml as one frozen, checked value."""
