"""From predictions to measures and pictures."""
