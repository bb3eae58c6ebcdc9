"""What train and features need."""
