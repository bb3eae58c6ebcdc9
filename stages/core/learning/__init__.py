"""Whether more images would help: an entry trained on growing shares of the training images."""
