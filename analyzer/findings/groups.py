"""Findings by the rule that found them, and what kind it tells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP = {
    "severity": "string",
    "title": "string",
    "findings": "int64",
    "sessions": "int64",
    "client_ip": "string",
    "server_ip": "string",
    "server_port": "Int64",
    "account": "string",
    "rule": "string",
    "kind": "string",
}


def by_rule(findings: pa.Table) -> pd.DataFrame:
    """Count findings by their rule.

    Args:
        findings: the worst first.

    Returns:
        One row per `rule` and `kind`, the worst first: its worst `severity`, its
        `title`, the number of `findings`, and of `sessions` that show them; and whom
        the first of them concerns: `client_ip`, `server_ip`, `server_port`, `account`.
    """
    groups: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for row in findings.to_pylist():
        groups.setdefault((row["rule"], row["kind"]), []).append(row)
    rows = [
        {
            **rows[0],
            "findings": len(rows),
            "sessions": _count_sessions(rows),
        }
        for rows in groups.values()
    ]
    return pd.DataFrame(rows, columns=list(_GROUP)).astype(_GROUP)


def _count_sessions(rows: list[dict[str, Any]]) -> int:
    """Count sessions; those that are not named are taken for different ones."""
    named = {name for row in rows for name in row["session_ids"]}
    unnamed = sum(row["session_count"] - len(row["session_ids"]) for row in rows)
    return len(named) + int(unnamed)
