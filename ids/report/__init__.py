"""Tables and pictures from the store."""
