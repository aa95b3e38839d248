"""The charts of the page: Plotly figures made from the reports."""

from __future__ import annotations

from analyzer.html.charts.catalogue import CHARTS, Chart
from analyzer.html.charts.palette import DARK, LIGHT, THEMES, Theme, palette_css

__all__ = ["CHARTS", "DARK", "LIGHT", "THEMES", "Chart", "Theme", "palette_css"]
