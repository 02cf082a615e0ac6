"""The vocabulary of the house: tensors, randomness, records, protocols, errors."""
