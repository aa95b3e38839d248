"""The report as one HTML file that needs nothing else, and no network."""

from __future__ import annotations

from analyzer.html.page import render_page, write_page

__all__ = ["render_page", "write_page"]
