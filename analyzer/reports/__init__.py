"""Reports over the tables: DataFrame in, DataFrame out.

Every figure is computed here and nowhere else, so that the terminal, the page
and the JSON output agree.
"""

from __future__ import annotations

from analyzer.reports.overview import (
    busiest,
    by_service,
    failed,
    not_read,
    plaintext_logins,
    slowest,
    tls_versions,
)
from analyzer.reports.plaintext import (
    PlaintextTotals,
    has_plaintext,
    plaintext_ports,
    plaintext_totals,
    plaintext_users,
)
from analyzer.reports.protection import (
    Protection,
    Role,
    is_encrypted,
    protection,
    role,
)

__all__ = [
    "PlaintextTotals",
    "Protection",
    "Role",
    "busiest",
    "by_service",
    "failed",
    "has_plaintext",
    "is_encrypted",
    "not_read",
    "plaintext_logins",
    "plaintext_ports",
    "plaintext_totals",
    "plaintext_users",
    "protection",
    "role",
    "slowest",
    "tls_versions",
]
