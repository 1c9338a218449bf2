"""What attribution methods share.

method             what a method is: a function from images and a target to a map, with what it needs
shared_arguments   the arguments of all methods, said once
defaults           the method that makes the first picture, by the kind of code

fillers            what stands for "nothing": the fillers of covered places, and the baselines of paths
masks              soft masks made of small grids
covering           whole places covered with the image's own blur
filled_tokens      what that means for transformers
scale              lengths that follow the code: how far apart its cells are on the image

gradient_maps      the ending of every gradient method
channels           the channels of every pixel joined into one number
smoothing          Gaussian smoothing
block_means        means over the squares of a map

feature_layer      the layer whose feature maps the CAM family weights
weighted_channels  from weighted feature maps to one map
gradient_weighted  feature maps weighted by the gradient at their layer

degenerate         is there anything to explain?
flat_maps          is there anything to see in a layer?
sum_sizes          does one target of a sum dominate the others?
abnormal_tokens    tokens of abnormally high norm
"""
