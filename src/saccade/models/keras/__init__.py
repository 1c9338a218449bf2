"""Keras 3 models: recorded layer by layer, on whichever backend Keras runs."""
