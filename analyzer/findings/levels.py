"""How bad, how sure, and whose a finding is."""

from __future__ import annotations

import enum


class Severity(enum.StrEnum):
    """How badly something is wrong, from the least to the worst."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place among all of them, from 0."""
        return tuple(Severity).index(self)


class Confidence(enum.StrEnum):
    """How surely it is so, from the least to the most."""

    POSSIBLE = "possible"
    """Something else would look the same."""
    LIKELY = "likely"
    """Something else would be unusual."""
    PROVEN = "proven"
    """The packets show it."""


class Mender(enum.StrEnum):
    """Who can mend it."""

    CLIENT = "client"
    SERVER = "server"
    NETWORK = "network"
    NOBODY = "nobody"
