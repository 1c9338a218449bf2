"""Keras 1 and 2 files: their configurations and weights become live Keras 3 models.

opening        a file of Keras 1 or 2 as a live model
tensorflow_js  a model of TensorFlow.js as one
entries        the graph that is written in a configuration
graph          the same graph of Keras 3 layers
config         what each layer is called, and takes, in Keras 3
spelling       how layouts, tuples and arrays were spelled
ops            functions of TensorFlow in a graph, as those of Keras 3
layout         channels first, run channels last
theano         where Theano puts the padding
code           code in a file, found before anything is built

weights        weights read, matched with the layers, and only then put in
recast         how the weights of a layer become those of Keras 3
live_models    a live model as the weights of older files see it
"""
