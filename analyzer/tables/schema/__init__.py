"""Every table's columns, once: name, type, unit, meaning.

The tables, their exports and their documentation are all made from this:

    python -m analyzer.tables.schema > docs/tables.md
"""

from __future__ import annotations

from analyzer.tables.schema.certificates import CERTIFICATES
from analyzer.tables.schema.details import (
    ANOMALIES,
    EXCHANGES,
    LOGINS,
    MESSAGES,
)
from analyzer.tables.schema.findings import FINDINGS
from analyzer.tables.schema.sessions import SESSIONS
from analyzer.tables.table import Column, Table

__all__ = [
    "ANOMALIES",
    "CERTIFICATES",
    "EXCHANGES",
    "FINDINGS",
    "LOGINS",
    "MESSAGES",
    "SESSIONS",
    "TABLES",
    "WRITTEN",
    "Column",
    "Table",
]

TABLES = (SESSIONS, MESSAGES, EXCHANGES, LOGINS, CERTIFICATES, ANOMALIES)
"""What an analysis holds."""

WRITTEN = (*TABLES, FINDINGS)
"""What a folder holds: findings are made of the others, and never read."""
