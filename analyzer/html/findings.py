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
        place: where it is.
        seen: what is to be seen there.
    """

    place: str
    seen: str


class Finding(NamedTuple):
    """One thing to mend.

    Attributes:
        severity: how badly.
        subject: whom it concerns.
        extent: how sure that is, in how many sessions, and when.
        proofs: the packets that show it.
    """

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
        left_out: how many more there are.
    """

    severity: str
    title: str
    amount: str
    mender: str
    remedy: str
    proof: str
    sources: str
    findings: list[Finding]
    left_out: int


def group_findings(findings: pa.Table) -> list[Group]:
    """Group findings for the page.

    Args:
        findings: the table, the worst first.
    """
    rows = findings.select(_GROUP).to_pandas()
    grouped = rows.groupby(_GROUP, sort=False)
    counts = grouped.size().to_list()
    places = grouped.indices
    return [
        _group(findings.take(places[key][:_MAX_FINDINGS]).to_pylist(), count)
        for key, count in zip(places, counts, strict=True)
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


def _group(findings: Sequence[Mapping[str, Any]], count: int) -> Group:
    first = findings[0]
    rule = rules().get(first["rule"])
    mender = first["mender"]
    return Group(
        severity=first["severity"],
        title=first["title"],
        amount=pluralize(count, "finding"),
        mender="" if mender == Mender.NOBODY else f"({mender})",
        remedy=first["remedy"],
        proof=rule.proof if rule else "",
        sources=", ".join([first["rule"], *(rule.references if rule else ())]),
        findings=[_finding(each) for each in findings],
        left_out=count - len(findings),
    )


def _finding(row: Mapping[str, Any]) -> Finding:
    return Finding(
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
        proofs=[Proof(_place(each), each["seen"] or "") for each in row["evidence"]],
    )


def _subject(row: Mapping[str, Any]) -> str:
    """Say whom a finding concerns."""
    server, port = row["server_ip"], row["server_port"]
    if server is not None and port is not None:
        server = endpoint(server, port)
    hosts = " \N{RIGHTWARDS ARROW} ".join(filter(None, (row["client_ip"], server)))
    return ", ".join(filter(None, (row["account"], hosts))) or "all that was captured"


def _place(proof: Mapping[str, Any]) -> str:
    """Say where a packet is."""
    parts = [proof["capture"] or "capture"]
    if proof["frame"] is not None:
        parts.append(f"packet {proof['frame']}")
    if proof["offset"] is not None:
        parts.append(f"byte {proof['offset']} of the {proof['side']}")
    elif proof["side"] is not None:
        parts.append(f"from the {proof['side']}")
    return ", ".join(parts)
