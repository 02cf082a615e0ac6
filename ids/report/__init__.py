"""Tables and images from the store."""
