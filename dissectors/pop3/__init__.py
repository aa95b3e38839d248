"""POP3 sessions: commands, responses, authentication and retrieved messages.

Handled: RFC 1939 with CAPA, pipelining and response codes (RFC 2449, RFC 3206), STLS
(RFC 2595), AUTH (RFC 5034), UTF8 and LANG (RFC 6856). Of the listings CAPA and that
of AUTH are read, the others counted; of TOP the header section is read. Left out:
XTND XMIT, the digest of APOP.

A response is a status line; some commands have a multi-line response if it is
positive. A message that has begun goes on after a gap; if the gap swallowed
its end, a status line behind the client's next command shows it.

Memory per connection is bounded by `Limits`: a line per side, a listing, the
commands without response, the header sections that TOP showed. The cost is linear
in the bytes.
"""

from __future__ import annotations

from dissectors.pop3.dialogue import Pop3Dialogue
from dissectors.pop3.grammar import parse_capabilities, parse_command, parse_status
from dissectors.pop3.spec import SPEC

__all__ = [
    "SPEC",
    "Pop3Dialogue",
    "parse_capabilities",
    "parse_command",
    "parse_status",
]
