"""What the examinations of `imagetrail doctor` share."""
