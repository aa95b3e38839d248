"""The columns of `findings`: what is wrong."""

from __future__ import annotations

import pyarrow as pa

from analyzer.tables.table import COUNT, PORT, TEXT, TEXTS, TIME, Column, Table

EVIDENCE = pa.struct(
    [
        ("session_id", pa.string()),
        ("capture", pa.string()),
        ("frame", pa.int64()),
        ("side", pa.string()),
        ("offset", pa.int64()),
        ("seen", pa.string()),
    ]
)

FINDINGS = Table(
    "findings",
    "One thing that is wrong, in whatever number of sessions; the worst come first.",
    (
        Column("finding_id", TEXT, "same for the same traffic, however it was read"),
        Column("rule", TEXT, "ID of the rule; stable (`mailtap rules`)"),
        Column("severity", TEXT, "info, low, medium, high, critical"),
        Column("confidence", TEXT, "possible, likely, proven"),
        Column("kind", TEXT, "which of several kinds, if the rule tells some apart"),
        Column("title", TEXT, "what is wrong"),
        Column("service", TEXT, "service by port, as in `sessions`"),
        Column(
            "client_ip",
            TEXT,
            "the client, or its network (IPv6 /64) if it changes addresses; null if "
            "there are many",
        ),
        Column("server_ip", TEXT, "the server; null if there are many"),
        Column("server_port", PORT, "its port; null if there are many"),
        Column("account", TEXT, "who logged in; null if nobody, or there are many"),
        Column("first_seen", TIME, "start of the first session"),
        Column("last_seen", TIME, "end of the last one"),
        Column("session_count", COUNT, "how many sessions show it"),
        Column("session_ids", TEXTS, "which ones; 100 at most"),
        Column(
            "evidence",
            pa.list_(EVIDENCE),
            "what shows it: session, capture, packet, side, place in that side's "
            "stream, and what was seen there; 5 at most",
        ),
        Column("mender", TEXT, "who can mend it: client, server, network, nobody"),
        Column("remedy", TEXT, "how"),
    ),
)
