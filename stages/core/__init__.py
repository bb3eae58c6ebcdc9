"""What the nodes share; knows no node, no data set and no model."""
