"""SMTP sessions: commands, replies, authentication and messages.

Handled: RFC 5321 with pipelining (RFC 2920), STARTTLS (RFC 3207), AUTH (RFC
4954), CHUNKING (RFC 3030), SMTPUTF8 (RFC 6531), and the LHLO of LMTP (RFC 2033).
What the field adds is tolerated: bare LF, lines without an end, addresses without
brackets, clients that speak first.

Left out: the parameters of MAIL and RCPT, BURL's URL, the binary data of XEXCH50.

Memory per connection is bounded by `Limits`: a line per side, a reply, the
commands without reply, and the client's bytes that wait for the reply that
decides what they are. The cost is linear in the bytes.
"""

from __future__ import annotations

from dissectors.smtp.dialogue import SmtpDialogue
from dissectors.smtp.spec import SPEC

__all__ = ["SPEC", "SmtpDialogue"]
