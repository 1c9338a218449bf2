"""The demonstration: real photographs through the model that ships, set as one page.

photographs  which photographs, what is on them, where they lie
places       where on a photo, in words
markup       HTML that is well-formed because it is built as a tree
studio       the opened model and the photographs; saves pictures
recipes      the command and the Python lines that make each picture
plates       a picture on the page: photo, spotlight and heat in one frame, and its colour key
chapters/    one part of the page each: what is measured, drawn and said
page         the chapters set as one page
publishing   everything appears in the folder when it is complete, the page last
assembly     build: all of it
"""

from __future__ import annotations

from saccade.demo.assembly import build

__all__ = ["build"]
