"""The codes of everything odd that dissectors report, and what each means.

Codes are stable: they are written to tables and users filter by them.
"""

from __future__ import annotations

ANOMALIES = {
    # shared
    "stream_gap": "bytes of this direction were not captured",
    "line_too_long": "a line over the limit was skipped",
    "too_many_pending_commands": "more commands without reply than are tracked",
    "starttls_plaintext_after": "clear text where TLS was agreed on",
}
