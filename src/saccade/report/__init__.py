"""Results as one HTML file that a friend opens offline: everything in it can be touched."""

from saccade.report.notebook import ReportView, report_view
from saccade.report.writing import write_report

__all__ = ["ReportView", "report_view", "write_report"]
