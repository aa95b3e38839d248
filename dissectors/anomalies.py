"""The codes of odd things that all protocols share, and what each means.

Codes are stable: they are written to tables and users filter by them. Those of one
protocol are in its `ProtocolSpec`; `dissectors.registry.anomalies` has all.
"""

from __future__ import annotations

ANOMALIES = {
    # shared
    "dissector_bug": "mailtap failed here; the rest of the connection was not read",
    "wrong_clock": "a packet's time is far from that of those around it, and not used",
    "cut_short": "not read from here on: all connections together took too much memory",
    "stream_gap": "bytes of this direction were not captured",
    "line_too_long": "a line over the limit was skipped",
    "too_many_pending_commands": "more commands without reply than are tracked",
    "list_too_long": "more items of a kind than are listed; the rest is left out",
    "proxy_header_malformed": "a PROXY protocol header that can't be read was skipped",
    "http_request": "the client sends a request of HTTP",
    "starttls_plaintext_after": "plaintext where TLS was agreed on",
    "starttls_not_begun": "TLS was agreed on and never began",
    # messages
    "message_bare_cr": "a message has CR without LF; where the first one is",
    "message_bare_lf": "a message has LF without CR; where the first one is",
    "message_header_too_large": "a header section over the limit; its rest was skipped",
    "message_too_many_parts": "more MIME parts than are read",
    "message_too_deep": "MIME parts nested deeper than is read",
    # TLS
    "tls_record_invalid": "no TLS record where one should begin",
    "tls_handshake_invalid": "a hello, or a part of one, that can't be read",
    "tls_handshake_too_large": "a handshake message over the limit was skipped",
    "tls_record_not_authentic": "a record that its keys don't open: forged or damaged",
    "tls_secret_wrong": "a secret of the key log that opens nothing of its connection",
    "tls_certificate_invalid": "a certificate, or a part of one, that can't be read",
}
