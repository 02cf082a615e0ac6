"""The base of every layer: tensors, prompts, randomness, records, contracts, errors."""
