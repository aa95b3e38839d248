"""Those of some findings that somebody asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import compute

if TYPE_CHECKING:
    from collections.abc import Collection

# the other side of those whom findings concern
_OTHER = {"client_ip": "server_ip", "server_ip": "client_ip"}


def of_rules(findings: pa.Table, rules: Collection[str]) -> pa.Table:
    """Return the findings of some rules."""
    return _where(findings, "rule", rules)


def of_severities(findings: pa.Table, severities: Collection[str]) -> pa.Table:
    """Return the findings that are so severe."""
    return _where(findings, "severity", severities)


def of_session(findings: pa.Table, session_id: str) -> pa.Table:
    """Return the findings that a session is part of."""
    sessions = findings["session_ids"].to_pylist()
    return findings.filter(pa.array([session_id in each for each in sessions]))


def of_host(
    findings: pa.Table, sessions: pa.Table, column: str, address: str
) -> pa.Table:
    """Return the findings that concern a host.

    Those about many clients of a server concern each host that talked to it, and the
    other way round.

    Args:
        findings: some.
        sessions: the table `sessions`.
        column: `client_ip` or `server_ip`: which side the host is.
        address: its address.
    """
    other = _OTHER[column]
    is_its = compute.equal(sessions[column], address)
    partners = sessions.filter(compute.fill_null(is_its, fill_value=False))[other]
    told = compute.equal(findings[column], address)
    untold = compute.or_(
        compute.is_null(findings[other]), compute.is_in(findings[other], partners)
    )
    return findings.filter(compute.if_else(compute.is_valid(told), told, untold))


def _where(findings: pa.Table, column: str, values: Collection[str]) -> pa.Table:
    return findings.filter(
        compute.is_in(findings[column], pa.array([*values], pa.string()))
    )
