"""Names that a packaged model, who writes it and who asks it have in common. Travels inside packaged models."""

ABOUT = "about.json"  # classes, normalize, temperature and threshold, beside what predicts
LABEL, CONFIDENCE, SURE, EACH = "label", "confidence", "sure", "p."  # columns of its answers; EACH with a class
