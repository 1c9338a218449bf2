"""The demonstration: real photos through the model that ships, set as one page.

photos       which photos, what is on them, where they lie
naming       where on a photo, in words
markup       HTML that is well-formed because it is built as a tree
workspace    the opened model and the photos; explains them, saves images
recipes      the command and the Python lines that make each image
photo_views  a photo on the page: itself, spotlight and heat map in one frame, and its colour key
second_encoder   another network for the same photos, where it is installed
search       a pair that is alike for a reason nobody would think of
chapters/    one part of the page each: what is measured, drawn and said
page         the chapters set as one page
publishing   everything appears in the folder when it is complete, the page last
assembly     build: all of it
"""

from __future__ import annotations

from saccade.demo.assembly import build

__all__ = ["build"]
