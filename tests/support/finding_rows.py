"""The table `findings`, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analyzer.tables.schema.findings import EVIDENCE, FINDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping


def table_of(*rows: Mapping[str, Any]) -> pa.Table:
    """The table `findings`, with these values; each is one of a session."""
    usual = {
        "finding_id": "f0",
        "rule": "plaintext-password",
        "severity": "high",
        "confidence": "proven",
        "title": "Password in plaintext",
        "client_ip": "192.0.2.7",
        "server_ip": "198.51.100.25",
        "server_port": 143,
        "first_seen": 1_700_000_000_000_000_000,
        "last_seen": 1_700_000_060_000_000_000,
        "session_count": 1,
        "session_ids": ["s0"],
        "evidence": [evidence()],
        "mender": "client",
        "remedy": "Use TLS.",
    }
    return pa.Table.from_pylist([{**usual, **row} for row in rows], FINDINGS.arrow)


def evidence(**told: Any) -> dict[str, Any]:
    """What shows something, in packet 12."""
    usual = dict.fromkeys(field.name for field in EVIDENCE)
    return {**usual, "session_id": "s0", "capture": "a.pcap", "frame": 12, **told}
