"""TensorFlow SavedModel folders: rebuilt as Keras models where Keras wrote them, else asked as plain functions.

opening   a folder as a Keras model, or as a plain function
function  a function as a network
graph     what its graph would do
sizes     how large may be what it makes?
"""
