"""Covering parts of an image: which holes can share a pass, and how targets score under them.

tiling     many holes in one image, and still the exact answer for each
stages     early layers computed for more holes at once than the code allows
scores     how targets score under a hole
colouring  many cells in one backward pass, and still the exact gradient of each
order      many things in an order of which every beginning is spread over all of them
"""
