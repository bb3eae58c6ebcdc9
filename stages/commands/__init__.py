"""What a person runs by hand: imagetrail COMMAND."""
