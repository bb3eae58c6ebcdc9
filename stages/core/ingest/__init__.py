"""From any source to one zip of images: what download needs."""
