"""PyTorch modules and files: read by hooks, their data flow written down from one real run."""
