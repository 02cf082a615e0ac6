"""`ids doctor`: what is here, what is missing, how good the embedded networks are."""
