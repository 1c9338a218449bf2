"""Keras 3 models: heard at work layer by layer, on whichever backend Keras runs."""
