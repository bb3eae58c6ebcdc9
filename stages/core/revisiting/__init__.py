"""Looking back at data: drift, and what changed between revisions."""
