"""What competes: its folder, its files, what made it, and how it predicts."""
