"""From streams to protocol events: SMTP, IMAP, POP3 and TLS, without I/O."""

from __future__ import annotations
