"""Results as one HTML file that a friend opens offline: everything in it can be touched."""

from saccade.report.writing import write_report

__all__ = ["write_report"]
