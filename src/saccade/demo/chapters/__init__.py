"""One part of the page each: what is measured, what is drawn, what is said."""

from __future__ import annotations
