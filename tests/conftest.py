"""What all tests share: property tests draw the same examples on every run and know no deadline."""

from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("project")
