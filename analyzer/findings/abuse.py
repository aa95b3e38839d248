"""What people do who mean harm, or whose accounts and hosts somebody took over."""

from __future__ import annotations

from analyzer.findings import attachments, forgery, guessing, relaying

RULES = (
    *guessing.RULES,
    *relaying.RULES,
    *attachments.RULES,
    *forgery.RULES,
)
