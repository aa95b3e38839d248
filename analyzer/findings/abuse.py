"""What people do who mean harm, or whose accounts and hosts somebody took over."""

from __future__ import annotations

from analyzer.findings import (
    accounts,
    attachments,
    forgery,
    guessing,
    ports,
    relaying,
    sending,
)

RULES = (
    *guessing.RULES,
    *relaying.RULES,
    *sending.RULES,
    *accounts.RULES,
    *attachments.RULES,
    *forgery.RULES,
    *ports.RULES,
)
