"""TensorFlow SavedModel folders: rebuilt as Keras models where Keras wrote them, else asked as plain functions."""
