"""What was made and decided, and whether all that is kept of it still agrees."""
