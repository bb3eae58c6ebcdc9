"""Two candidates held against each other: what made them, what they answer, what they cost."""
