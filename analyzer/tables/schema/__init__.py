"""Every table's columns, once: name, type, unit, meaning.

The tables, their exports and their documentation are all made from this:

    python -m analyzer.tables.schema > docs/tables.md
"""

from __future__ import annotations

from analyzer.tables.schema.certificates import CERTIFICATES
from analyzer.tables.schema.details import ANOMALIES, EXCHANGES, MESSAGES
from analyzer.tables.schema.sessions import SESSIONS
from analyzer.tables.table import Column, Table, version_of

__all__ = [
    "ANOMALIES",
    "CERTIFICATES",
    "EXCHANGES",
    "MESSAGES",
    "SCHEMA_VERSION",
    "SESSIONS",
    "TABLES",
    "Column",
    "Table",
]

TABLES = (SESSIONS, MESSAGES, EXCHANGES, CERTIFICATES, ANOMALIES)

SCHEMA_VERSION = version_of(f"{table.name} {table.version}" for table in TABLES)
"""What changes with the name, the type or the values of any column."""
