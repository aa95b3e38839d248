"""HTTP in the place of a mail protocol.

A browser can be made to send a request to a mail server, and what the server says of
its lines may come back to the page (ALPACA, USENIX Security 2021).
"""

from __future__ import annotations

import re

# RFC 9112 §3, RFC 9113 §3.4; CONNECT is how mail passes a proxy of HTTP
_REQUEST = re.compile(
    rb"(?:DELETE|GET|HEAD|OPTIONS|PATCH|POST|PRI|PUT|TRACE) [^ ]+ HTTP/[0-9]"
    rb"(?:\.[0-9])?"
)


def is_http_request(line: bytes) -> bool:
    """Return whether a line begins a request of HTTP."""
    return _REQUEST.fullmatch(line) is not None
