"""What mailtap needs to know of POP3."""

from __future__ import annotations

import re

from dissectors.pop3.dialogue import Pop3Dialogue
from dissectors.services import Protocol, Security, Service
from dissectors.spec import Opening, Profile, ProtocolSpec

# RFC 1939 §3
_REPLY = re.compile(rb"(?:\+OK|-ERR)(?:[ \r\n]|$)", re.IGNORECASE)
# What Redis says to all sorts of commands
_BARE_OK = re.compile(rb"\+OK\r?(?:\n|$)")
_COMMAND = re.compile(
    rb"(?:USER|PASS|APOP|AUTH|CAPA|STLS|STAT|LIST|RETR|DELE|UIDL|TOP|LAST|RSET|UTF8"
    rb"|LANG|NOOP|QUIT)(?:[ \r\n]|$)",
    re.IGNORECASE,
)


SPEC = ProtocolSpec(
    name=Protocol.POP3,
    services=(
        Service("pop3", Protocol.POP3, 110, Security.STARTTLS),
        Service("pop3s", Protocol.POP3, 995, Security.IMPLICIT_TLS),
    ),
    opening=Opening(
        server=_REPLY,
        client=_COMMAND,
        ambiguous_server=_BARE_OK,
        server_beginnings=(b"+OK ", b"+OK\r"),
        alpn=(b"pop3",),
    ),
    make=lambda _service: Pop3Dialogue(),
    # RFC 1939 §1, §3 and §4 (the lock), §7 (UIDL), RFC 2595 §4 (STLS)
    profile=Profile(
        purpose="fetches mail from a server",
        direction="server to client",
        storage="on the device; on the server until it is deleted there, usually "
        "right after it is fetched",
        synchronisation="none: a program can tell which messages are new (UIDL), but "
        "not what was read or answered elsewhere",
        devices="made for one: only one can be connected, and the others never get "
        "what it deletes",
        folders="none: there is one maildrop",
        network="while mail is fetched; then it is read offline",
        security="a login, over TLS from the start (preferred) or STLS",
    ),
    anomalies={
        "pop3_unexpected_line": "a server line that is no response",
        "pop3_unknown_command": "a client line that begins with no verb",
    },
    upgrade="STLS",
)
