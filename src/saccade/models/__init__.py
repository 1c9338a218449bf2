"""Opening what people have, naming its layers, and choosing the code.

network             what every opened model looks like to the engines
opening             from a file, a folder or a factory to a network
live_models         from a live model to a network
opened_model        what is known of a model from how it was opened

keras               Keras 3 models
torch               PyTorch modules and files
onnx                ONNX files
saved_model         folders of TensorFlow
legacy              files of Keras 1 and 2
numpy_network       a function of arrays as a network
hdf5, archive       what is in an HDF5 file, or a zip archive
named_models        `timm:NAME` and `torchvision:NAME`
factories           `package.module:function`, imported and called
factory_call        the same as text, with its arguments
code_beside         Python code that lies beside a trusted file
backend             on which framework Keras runs
messages            what is wrong with a file, in one line
quiet_import        what TensorFlow writes while it loads
shared_patches      attributes replaced while any thread needs it

code_layer          which layer is the code?
training_state      does a model look as if it had been trained?
feed                how does a model want its images?
carried             what it carries about them
entrance            what it computes with them before its first layer with a kernel
input_shape         their height, width and channels

dataflow            which places of the image reach which places of a layer
places              where rows and columns lie among the numbers of a layer
rectifiers          which ReLUs stand before a layer
randomisation       some weights randomised for a while

wrapped_network     a network around another one
normalised_network  one that normalises its images
averaged_network    one whose results are drawn at random, averaged
plain_network       one written down as plain layers
exporting           writing it down
"""

from __future__ import annotations

from saccade.models.backend import choose_backend
from saccade.models.code_layer import CodeLayer, code_layer
from saccade.models.dataflow import Dataflow
from saccade.models.live_models import open_live
from saccade.models.network import Layer, Network, find_layer
from saccade.models.opening import open_model

__all__ = [
    "CodeLayer",
    "Dataflow",
    "Layer",
    "Network",
    "choose_backend",
    "code_layer",
    "find_layer",
    "open_live",
    "open_model",
]
