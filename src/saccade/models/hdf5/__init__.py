"""HDF5 files as plain Python: groups, attributes and arrays, read by a process of their own.

file    a file as groups, attributes and arrays
reader  the process that reads it
"""

from __future__ import annotations

from saccade.models.hdf5.file import Array, Group, Unreadable, open_hdf5

__all__ = ["Array", "Group", "Unreadable", "open_hdf5"]
