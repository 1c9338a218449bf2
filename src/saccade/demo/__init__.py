"""The demonstration: the report of the model that ships, with real photos and a second network beside it.

photos           which photos, what is on them, whose they are
second_encoder   another network for the same photos, where it is installed
publishing       everything appears in the folder when it is complete, the page last
assembly         build: all of it
"""

from __future__ import annotations

from saccade.demo.assembly import build

__all__ = ["build"]
