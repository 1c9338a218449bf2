"""Covering parts of a picture: which holes can share a pass, and how targets score under them."""
