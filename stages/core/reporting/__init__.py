"""Who competes, who wins, and the pages that say it."""
