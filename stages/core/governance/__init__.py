"""What tells others of a data set, a model and the packages behind it, in the formats that they know."""
