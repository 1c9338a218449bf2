"""Keras 3 models: recorded layer by layer, on whichever backend Keras runs.

network                 a model as a network
inputs                  which images does it take?
calls                   the layer calls inside it, recorded
replaced_functions      functions of Keras, replaced in one thread for a while
channel_order           in which order tensors have their channels
dataflow                how places move through the model
windows                 how each layer moves places
rewrites                layers that are computed together, in less time
layer_rewrites          how two of them are
pool_before_activation  activations after max-pooling
batch_norm_folding      batch normalisations within convolutions
steadiness              does it draw nothing, and mix no images?

attention               the weights of attention, read, or held constant on the way back
rectifiers              which ReLUs stand before a layer
randomisation           which weights belong to which layer
exporting               a model written down as plain layers
carried                 what it says about the images of its training

opening                 any file that Keras wrote
configuration           the JSON in which Keras describes a model, within bounds
building                a model out of that, layer by layer
allowed_parts           the parts that are built without trust
trusted_models          whatever a trusted file holds
counting                a bound on weights, before their memory is taken
weights                 weights of a file, put into a live model
fitness                 can what was built be called at all?
"""
