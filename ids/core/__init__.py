"""What every layer uses: tensors, prompts, randomness, records, contracts, errors."""
