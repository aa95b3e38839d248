"""All rules: those that come with mailtap, and those of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.findings import (
    abuse,
    certificates,
    completeness,
    delays,
    delivery,
    plaintext,
    reachability,
    smtp,
    starttls,
    tls,
)

if TYPE_CHECKING:
    from analyzer.findings.rule import Rule

BUILTIN: tuple[Rule, ...] = (
    *plaintext.RULES,
    *abuse.RULES,
    *starttls.RULES,
    *smtp.RULES,
    *delivery.RULES,
    *tls.RULES,
    *certificates.RULES,
    *delays.RULES,
    *reachability.RULES,
    *completeness.RULES,
)


def rules() -> dict[str, Rule]:
    """Return all rules, by their IDs."""
    return {rule.id: rule for rule in BUILTIN}
