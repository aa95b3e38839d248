"""The summary of an analysis: for people on a terminal, and as JSON for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from analyzer import reports
from analyzer.findings.groups import by_rule
from analyzer.findings.review import count_standings, standing_findings
from analyzer.sessions.protection import WEAK_TLS
from analyzer.terminal.findings import print_groups
from analyzer.terminal.format import (
    as_share,
    as_size,
    as_span,
    as_table,
    fit_output,
)
from analyzer.terminal.json_document import as_json
from analyzer.text import pluralize
from dissectors import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import pyarrow as pa
    from rich.console import Console

    from analyzer.tables.results import Results


@dataclass(frozen=True, slots=True)
class SummarySection:
    """One table of the summary.

    Attributes:
        name: its name in JSON.
        title: its title for people.
        report: how it is made.
        optional: columns that a narrow terminal leaves out, in this order.
        style: of the title.
        limit: how many rows people are shown; 0 if only JSON has it.
    """

    name: str
    title: str
    report: Callable[[Results], pd.DataFrame]
    optional: tuple[str, ...] = ()
    style: str = "bold"
    limit: int = 10


SECTIONS = (
    SummarySection(
        "services",
        "Services",
        lambda a: reports.by_service(a.sessions),
        ("encrypted", "bytes"),
    ),
    SummarySection(
        "protection", "Protection", lambda a: reports.by_verdict(a.sessions)
    ),
    SummarySection(
        "plaintext_logins",
        "Plaintext logins",
        lambda a: reports.plaintext_logins(a.sessions),
        ("server_ip", "auth_exposure", "auth_mechanism", "service"),
        "bold red",
    ),
    SummarySection(
        "failed",
        "Failures",
        lambda a: reports.failed(a.sessions),
        ("temporary", "service"),
        style="bold yellow",
    ),
    SummarySection(
        "failing_clients",
        "Clients with failures",
        lambda a: reports.failures_by_host(a.sessions, "client"),
        limit=0,
    ),
    SummarySection(
        "failing_servers",
        "Servers with failures",
        lambda a: reports.failures_by_host(a.sessions, "server"),
        limit=0,
    ),
    SummarySection(
        "deliveries",
        "Deliveries",
        lambda a: reports.deliveries(a.messages, a.exchanges, a.sessions),
        ("session_id", "sessions"),
        limit=5,
    ),
    SummarySection(
        "transfers",
        "Messages",
        lambda a: reports.transfer_rates(a.messages),
        ("in_part", "median_bytes", "median_bytes_per_s"),
    ),
    SummarySection(
        "attachments",
        "Attachments",
        lambda a: reports.attachment_list(a.messages),
        limit=0,
    ),
    SummarySection("attempts", "Connections without data", reports.attempts),
    SummarySection("tls", "TLS", lambda a: reports.tls_versions(a.sessions)),
    SummarySection(
        "tls_clients",
        "TLS versions by client",
        lambda a: reports.tls_clients(a.sessions),
        limit=0,
    ),
    SummarySection(
        "weak_tls",
        "Weak TLS",
        lambda a: reports.weak_tls(a.sessions),
        style="bold yellow",
    ),
    SummarySection(
        "certificates",
        "Certificates",
        lambda a: reports.server_certificates(a.certificates, a.sessions),
        ("session_id", "servers", "key", "issuer"),
    ),
    SummarySection(
        "accounts",
        "Accounts",
        lambda a: reports.accounts(a.sessions),
        (
            *("client_software", "first_seen", "last_seen", "client_ips"),
            # who is exposed is told together with who was only refused
            *("clients", "services", "only_refused"),
        ),
    ),
    SummarySection(
        "verbs",
        "Slowest commands",
        lambda a: reports.latency_by_verb(a.exchanges, a.sessions),
        ("session_id",),
        limit=5,
    ),
    SummarySection(
        "steps",
        "Slowest steps",
        lambda a: reports.latency_by_step(a.exchanges, a.sessions),
        ("session_id", "service"),
        limit=5,
    ),
    SummarySection(
        "slowest",
        "Slowest answers",
        lambda a: reports.slowest(a.sessions),
        ("server_ip", "service", "session_id"),
    ),
    SummarySection(
        "clients", "Busiest clients", lambda a: reports.busiest(a.sessions, "client")
    ),
    SummarySection(
        "servers", "Busiest servers", lambda a: reports.busiest(a.sessions, "server")
    ),
    SummarySection(
        "ports", "Ports", lambda a: reports.port_totals(a.sessions), limit=0
    ),
    SummarySection("not_read", "Not read", reports.not_read, style="bold yellow"),
)


def nothing_found() -> str:
    """Say, behind "Nothing", what captures without mail mean."""
    *names, last = (name.upper() for name in registry.protocols())
    return (
        f"looked like {', '.join(names)} or {last}. Mail with TLS on a port of its own "
        "must be named, such as --port 10993=imap."
    )


def print_summary(
    analysis: Results, console: Console, findings: pa.Table | None = None
) -> None:
    """Print what an administrator wants to know first.

    Args:
        analysis: what was found.
        console: where to.
        findings: what is wrong, as `analyzer.findings.review` tells it.
    """
    fit_output(console)
    console.print(_headline(analysis))
    if findings is not None and len(analysis.sessions):
        console.print()
        print_groups(findings, analysis, console)
    for section in SECTIONS:
        rows = section.report(analysis) if section.limit else None
        if rows is not None and len(rows):
            console.print()
            console.print(
                as_table(
                    section.title,
                    rows,
                    console.width,
                    optional=section.optional,
                    style=section.style,
                    limit=section.limit,
                )
            )


def summary_json(analysis: Results, findings: pa.Table | None = None) -> str:
    """Return the same as JSON: the counts, and each section as a list of objects."""
    figures: dict[str, Any] = {
        "packets": analysis.packets,
        "capture_bytes": analysis.capture_bytes,
        "sessions": len(analysis.sessions),
        "messages": len(analysis.messages),
    }
    tables: dict[str, pd.DataFrame | list[dict[str, Any]]] = {}
    if findings is not None:
        unseen = reports.certificates_unseen(analysis.sessions)
        figures["certificates_unseen"] = unseen._asdict()
        figures["standings"] = count_standings(findings)
        tables["findings"] = by_rule(standing_findings(findings))
    tables |= {section.name: section.report(analysis) for section in SECTIONS}
    return as_json(analysis, figures, tables)


def _headline(analysis: Results) -> Text:
    sessions = analysis.sessions
    count = len(sessions)
    text = Text(analysis.count_sessions("mail session"), style="bold")
    size = as_size(analysis.capture_bytes)
    text.append(f" in {pluralize(analysis.packets, 'packet')} ({size})", "not bold")
    if not count:
        if analysis.packets and analysis.choice is None:
            text.append(f"\nNothing {nothing_found()}", "not bold")
        return text
    first, last = sessions["start"].min(), sessions["end"].max()
    text.append(f"\n{as_span(first, last)}\n", "not bold")
    share = reports.encrypted_share(sessions)
    if share is not None:
        text.append(as_share(share) + " encrypted, ", "green" if share else "yellow")
    text.append_text(_logins(reports.plaintext_totals(sessions)))
    weak = int((sessions["protection"] == WEAK_TLS).sum())
    if weak:
        text.append(", ")
        text.append(f"{pluralize(weak, 'session')} with weak TLS", "yellow")
    return text


def _logins(totals: reports.PlaintextTotals) -> Text:
    text = Text()
    if exposing := totals.exposing_logins:
        sessions = pluralize(exposing, "session")
        text.append(f"{sessions} with a password or token in plaintext", "red")
    if (others := totals.other_logins) and exposing:
        text.append(f", {others:,} more with another plaintext login", "yellow")
    elif others:
        sessions = pluralize(others, "session")
        text.append(f"{sessions} with a plaintext login", "yellow")
    if not totals.plaintext_logins:
        text.append("no plaintext login was seen", "green")
        if totals.unjudged:
            unjudged = pluralize(totals.unjudged, "session")
            text.append(f"; {unjudged} can't be judged", "yellow")
    return text
