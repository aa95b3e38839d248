"""What is wrong, for the beginning of the page: the worst first, grouped by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from analyzer.findings.levels import Mender, Severity
from analyzer.findings.registry import rules
from analyzer.findings.review import standing_findings
from analyzer.terminal.format import as_span
from analyzer.text import endpoint, pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

# of each group
_MAX_FINDINGS = 20
_GROUP = ["rule", "title"]


class Proof(NamedTuple):
    """A packet that shows something.

    Attributes:
        session_id: the session that it is of.
        place: where it is.
        seen: what is to be seen there.
    """

    session_id: str
    place: str
    seen: str


class Finding(NamedTuple):
    """One thing to mend.

    Attributes:
        finding_id: its ID.
        severity: how badly.
        subject: whom it concerns.
        extent: how sure that is, in how many sessions, and when.
        proofs: the packets that show it.
    """

    finding_id: str
    severity: str
    subject: str
    extent: str
    proofs: list[Proof]


class Group(NamedTuple):
    """All that a rule found of one kind.

    Attributes:
        severity: that of the worst.
        title: what is wrong.
        amount: how many findings there are.
        mender: who can mend it, in parentheses.
        remedy: how.
        proof: what the rule takes as proof.
        sources: the rule, and RFC, CVE or papers.
        findings: the worst of them.
        more: the others, for the script.
    """

    severity: str
    title: str
    amount: str
    mender: str
    remedy: str
    proof: str
    sources: str
    findings: list[Finding]
    more: list[Finding]


def group_findings(findings: pa.Table, names: Mapping[str, str]) -> list[Group]:
    """Group findings for the page.

    Args:
        findings: the table, the worst first.
        names: what captures are called.
    """
    rows = findings.select(_GROUP).to_pandas()
    places = rows.groupby(_GROUP, sort=False).indices
    return [
        _group(findings.take(of_group).to_pylist(), names)
        for of_group in places.values()
    ]


def leave_out_accepted(findings: pa.Table) -> tuple[pa.Table, str]:
    """Return the findings that stand, and a note on those that are accepted.

    Args:
        findings: the table, or what `analyzer.findings.review` makes of it.
    """
    if "accepted" not in findings.column_names:
        return findings, ""
    accepted = len(findings) - findings["accepted"].null_count
    note = f"without {pluralize(accepted, 'accepted finding')}" if accepted else ""
    return standing_findings(findings), note


def severity_counts(findings: pa.Table) -> list[tuple[str, int]]:
    """Count findings by severity, the worst first."""
    counts = pd.Series(findings["severity"].to_pylist(), dtype="object").value_counts()
    return [
        (severity.value, int(counts[severity.value]))
        for severity in reversed(Severity)
        if severity in counts
    ]


def _group(findings: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Group:
    first = findings[0]
    told = [_finding(each, names) for each in findings]
    rule = rules().get(first["rule"])
    mender = first["mender"]
    return Group(
        severity=first["severity"],
        title=first["title"],
        amount=pluralize(len(told), "finding"),
        mender="" if mender == Mender.NOBODY else f"({mender})",
        remedy=first["remedy"],
        proof=rule.proof if rule else "",
        sources="; ".join([first["rule"], *(rule.references if rule else ())]),
        findings=told[:_MAX_FINDINGS],
        more=told[_MAX_FINDINGS:],
    )


def _finding(row: Mapping[str, Any], names: Mapping[str, str]) -> Finding:
    return Finding(
        finding_id=row["finding_id"],
        severity=row["severity"],
        subject=_subject(row),
        extent=", ".join(
            [
                row["confidence"],
                pluralize(row["session_count"], "session"),
                as_span(row["first_seen"], row["last_seen"]),
                # beside those of an earlier run
                *filter(None, [row.get("standing")]),
            ]
        ),
        proofs=[
            Proof(each["session_id"] or "", _place(each, names), each["seen"] or "")
            for each in row["evidence"]
        ],
    )


def _subject(row: Mapping[str, Any]) -> str:
    """Say whom a finding concerns."""
    server, port = row["server_ip"], row["server_port"]
    if server is not None and port is not None:
        server = endpoint(server, port)
    hosts = " \N{RIGHTWARDS ARROW} ".join(filter(None, (row["client_ip"], server)))
    return ", ".join(filter(None, (row["account"], hosts))) or "all that was captured"


def _place(proof: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Say where a packet is."""
    capture = proof["capture"]
    parts = [names[capture] if capture else "capture"]
    if proof["frame"] is not None:
        parts.append(f"packet {proof['frame']}")
    if proof["offset"] is not None:
        parts.append(f"byte {proof['offset']} of the {proof['side']}")
    elif proof["side"] is not None:
        parts.append(f"from the {proof['side']}")
    return ", ".join(parts)
