"""The only package that knows Hydra: schema, composition, checking, building."""
