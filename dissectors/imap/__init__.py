"""IMAP sessions: RFC 9051 and RFC 3501, with the extensions seen in the field."""

from __future__ import annotations

from dissectors.imap.dialogue import ImapDialogue
from dissectors.imap.spec import SPEC

__all__ = ["SPEC", "ImapDialogue"]
