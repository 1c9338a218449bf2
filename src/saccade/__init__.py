"""Show where an image encoder looks, without any class label."""
