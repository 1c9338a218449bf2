"""What attribution methods share: what a method is, its map, fillers, masks, weighted feature maps, smoothing."""
