"""imagetrail: a DVC + MLflow pipeline from a folder of labelled images to an audited classifier."""
