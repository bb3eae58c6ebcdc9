"""What `imagetrail doctor` examines, one file each."""
