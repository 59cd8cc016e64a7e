"""A session to a page that a person reads, and to a video with marks."""

from spermscope.report.page import write_report

__all__ = ["write_report"]
