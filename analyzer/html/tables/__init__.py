"""The page's small tables, made from the reports."""

from __future__ import annotations

from analyzer.html.tables.catalogue import TABLES
from analyzer.html.tables.filling import FilledTable, fill
from analyzer.html.tables.spec import Live, TableSpec

__all__ = ["TABLES", "FilledTable", "Live", "TableSpec", "fill"]
