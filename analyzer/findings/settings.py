"""What users may set: what is their own, and how rules judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.findings.levels import Severity

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Own:
    """What is one's own; empty if nothing was said, and it must be inferred.

    Attributes:
        networks: of one's own hosts.
        domains: for which one's own servers take mail, in lower case.
        servers: addresses of one's own mail servers.
    """

    networks: tuple[Network, ...] = ()
    domains: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """How one rule judges.

    Attributes:
        enabled: whether it is asked at all.
        severity: of all its findings; `None` as the rule has it.
        thresholds: in place of those of the rule.
    """

    enabled: bool = True
    severity: Severity | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)


_UNCHANGED = RuleSettings()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings."""

    own: Own = field(default_factory=Own)
    rules: Mapping[str, RuleSettings] = field(default_factory=dict)

    def of(self, rule_id: str) -> RuleSettings:
        """Return the settings of a rule."""
        return self.rules.get(rule_id, _UNCHANGED)
