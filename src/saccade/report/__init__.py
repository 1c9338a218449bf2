"""Results as one HTML file that a friend opens offline: everything in it can be touched."""

from saccade.report.atlas import write_atlas
from saccade.report.notebook import ReportView, report_view
from saccade.report.widget import report_widget
from saccade.report.writing import write_report

__all__ = ["ReportView", "report_view", "report_widget", "write_atlas", "write_report"]
