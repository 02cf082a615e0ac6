"""From a source latent to the noise it is sampled from."""
