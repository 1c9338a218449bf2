"""Keras 1 and 2 files: their configurations and weights become live Keras 3 models."""
