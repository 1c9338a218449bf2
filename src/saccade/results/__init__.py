"""Frozen results: raw numbers, units, and how they were made. They draw and save themselves."""

from __future__ import annotations

from saccade.results.attribution import Attribution, methods_sheet

__all__ = ["Attribution", "methods_sheet"]
