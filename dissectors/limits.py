"""How much of a connection is kept while it is dissected.

Every buffer that the peer can fill has its limit here. What is over a limit is
counted, skipped and reported as an anomaly; the session goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one connection; bytes unless the name says otherwise.

    Attributes:
        line: one command or reply line. RFC 5321 §4.5.3.1 asks for 512, RFC 9051
            for 8192 and more; servers in the field accept 64 KiB.
        kept_text: what is kept of a banner, an argument or a reply text.
        held: client bytes that wait for the reply which decides what they are
            (DATA, STARTTLS, a literal).
        pending_commands: commands that wait for their replies.
        header: header bytes of one message or MIME part that are read.
        mime_parts: parts of one message.
        mime_depth: nesting of MIME parts.
        anomalies: anomalies reported per connection, and as many of its TLS.
        list_items: items in any list of a row (recipients, capabilities, ...).
        id_fields: fields of IMAP's ID; RFC 2971 §3.3 allows 30.
        previews: messages of which a client has fetched some parts, but not all.
        expansion: bytes that a byte of compressed data may become, on average; the
            first MiB is free. Text shrinks to a tenth at best.
        handshake: bytes of one TLS handshake message.
    """

    line: int = 64 * KIB
    kept_text: int = 1 * KIB
    held: int = 1024 * KIB
    pending_commands: int = 1024
    header: int = 256 * KIB
    mime_parts: int = 1000
    mime_depth: int = 20
    anomalies: int = 100
    list_items: int = 10_000
    id_fields: int = 30
    previews: int = 256
    expansion: int = 200
    handshake: int = 256 * KIB


DEFAULT_LIMITS = Limits()
