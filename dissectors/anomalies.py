"""The codes of everything odd that dissectors report, and what each means.

Codes are stable: they are written to tables and users filter by them.
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
    "starttls_plaintext_after": "clear text where TLS was agreed on",
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
    # IMAP
    "imap_invalid_command": "a client line that is no IMAP command",
    "imap_invalid_response": "a server line that is no IMAP response",
    "imap_tag_reused": "a tag was used again before its response",
    "imap_unknown_tag": "a tagged response that answers no command",
    "imap_compression_lost": "compressed data can't be inflated from here on",
    "imap_compression_bomb": "compressed data expands too much and is not read",
    # SMTP
    "smtp_bad_bdat": "BDAT with an argument that is no chunk size",
    "smtp_bare_lf": "the client ends lines in LF without CR",
    "smtp_early_talker": "the client did not wait for the greeting",
    "smtp_end_of_data_lookalike": "a lone dot between other line ends than CRLF",
    "smtp_reply_too_long": "a reply of too many lines; the rest of them was skipped",
    "smtp_unexpected_line": "a server line that is no reply",
    "smtp_unknown_command": "a client line that begins with no verb",
    # POP3
    "pop3_unexpected_line": "a server line that is no response",
    "pop3_unknown_command": "a client line that begins with no verb",
}
