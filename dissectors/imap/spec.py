"""What mailtap needs to know of IMAP."""

from __future__ import annotations

import re

from dissectors.imap.dialogue import ImapDialogue
from dissectors.services import Protocol, Security, Service
from dissectors.spec import Opening, Profile, ProtocolSpec

# RFC 9051 §7: tagged and untagged responses
_RESPONSE = re.compile(
    rb"[^\x00-\x20(){%*\"\\+\]]{1,40} (?:OK|NO|BAD)(?:[ \r\n]|$)"
    rb"|\* (?:(?:OK|NO|BAD|BYE|PREAUTH|CAPABILITY|LIST|LSUB|STATUS|FLAGS|SEARCH|ESEARCH"
    rb"|ENABLED|NAMESPACE|ID)(?:[ \r\n]|$)|[0-9]{1,10} [A-Z])",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    rb"[^\x00-\x20(){%*\"\\+\]]{1,40} "
    rb"(?:CAPABILITY|NOOP|LOGOUT|STARTTLS|AUTHENTICATE|LOGIN|ENABLE|SELECT|EXAMINE"
    rb"|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|LIST|LSUB|XLIST|NAMESPACE|STATUS"
    rb"|APPEND|IDLE|CLOSE|UNSELECT|EXPUNGE|SEARCH|FETCH|STORE|COPY|MOVE|UID|ID|CHECK"
    rb"|COMPRESS|GETQUOTAROOT|GETQUOTA|SORT|THREAD|NOTIFY)(?:[ \r\n]|$)",
    re.IGNORECASE,
)


SPEC = ProtocolSpec(
    name=Protocol.IMAP,
    services=(
        Service("imap", Protocol.IMAP, 143, Security.STARTTLS),
        Service("imaps", Protocol.IMAP, 993, Security.IMPLICIT_TLS),
    ),
    opening=Opening(
        server=_RESPONSE,
        client=_COMMAND,
        server_beginnings=(b"* OK", b"* PR"),
        alpn=(b"imap",),
    ),
    make=lambda _service: ImapDialogue(),
    # RFC 9051 §1, §2.2 and §2.3 (flags), §6.3.13 (IDLE)
    profile=Profile(
        purpose="reads and manages mail that stays on the server",
        direction="both: messages are fetched, and copies of sent ones and drafts "
        "stored; the server tells what is new",
        storage="on the server; programs may keep copies",
        synchronisation="both ways: what is read, answered, moved or deleted on one "
        "device is so on all",
        devices="many, even at the same time",
        folders="any number, kept on the server",
        network="while mail is read, unless there is a copy; programs stay connected "
        "(IDLE) to hear of new mail",
        security="a login, over TLS from the start (preferred) or STARTTLS",
    ),
    anomalies={
        "imap_invalid_command": "a client line that is no IMAP command",
        "imap_invalid_response": "a server line that is no IMAP response",
        "imap_tag_reused": "a tag was used again before its response",
        "imap_unknown_tag": "a tagged response that answers no command",
        "imap_compression_lost": "compressed data can't be inflated from here on",
        "imap_compression_bomb": "compressed data expands too much and is not read",
    },
)
