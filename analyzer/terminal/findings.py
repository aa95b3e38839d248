"""Findings: for people on a terminal, as CSV for a spreadsheet, as JSON."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.padding import Padding
from rich.text import Text

from analyzer.findings.groups import by_rule
from analyzer.findings.levels import Severity
from analyzer.findings.review import Standing, count_standings, standing_findings
from analyzer.reports import certificates_unseen
from analyzer.tables.export import json_rows, write_csv
from analyzer.terminal.format import as_span, as_table, fit_output
from analyzer.terminal.json_document import as_json
from analyzer.text import as_line, endpoint, pluralize, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa
    from rich.console import Console

    from analyzer.reports.tls import UnseenCertificates
    from analyzer.tables.results import Results

_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "",
    Severity.INFO: "dim",
}
_SUBJECT = ["client_ip", "server_ip", "server_port", "account"]
_OF_CERTIFICATES = ["tls_established", "tls_version", "cert_sha256"]
# there may be as many as rules
_MAX_ROWS = 1000
_WIDEST_NAME = 60


def severity_style(severity: str) -> str:
    """Return the style in which a severity is shown."""
    return _STYLES[Severity(severity)]


def print_groups(findings: pa.Table, analysis: Results, console: Console) -> None:
    """Print a row for each rule that found something.

    Args:
        findings: a reviewed table.
        analysis: in which they were found.
        console: where to.
    """
    groups = by_rule(standing_findings(findings))
    if len(groups):
        rows = groups.drop(columns=[*_SUBJECT, "kind"])
        concerns = [_subject(row) for row in groups.to_dict("records")]
        rows.insert(4, "concerns", concerns)
        styles = {"severity": [severity_style(each) for each in rows["severity"]]}
        console.print(
            as_table(
                "Findings",
                rows,
                console.width,
                optional=("rule",),
                styles=styles,
                limit=_MAX_ROWS,
            )
        )
    else:
        console.print(Text("No rule found anything wrong in what could be seen"))
    for line in _remarks(findings, analysis):
        console.print(Text(line, "yellow"))


def print_findings(
    findings: pa.Table, analysis: Results, console: Console, own: str | None = None
) -> None:
    """Print each finding with its proof: those that stand, accepted, and gone.

    Args:
        findings: a reviewed table.
        analysis: in which they were found.
        console: where to.
        own: what is taken for one's own, if that is inferred.
    """
    fit_output(console)
    rows = standing_findings(findings).to_pylist()
    headline = _headline(rows)
    if analysis.sessions_in_all is not None:
        headline.append(f", in {analysis.count_sessions()}", "not bold")
    console.print(headline)
    for line in _remarks(findings, analysis):
        console.print(Text(line, "yellow"))
    if own is not None:
        console.print(Text(as_line(own), "dim"))
    _print_rows(rows, console)
    known: dict[str, list[dict[str, Any]]] = {"Accepted": [], "Gone": []}
    for row in findings.to_pylist():
        if row["standing"] == Standing.GONE:
            known["Gone"].append(row)
        elif row["accepted"] is not None:
            known["Accepted"].append(row)
    for title, others in known.items():
        if others:
            console.print()
            console.print(Text(title, "bold"))
            _print_rows(others, console)


def findings_json(findings: pa.Table, analysis: Results, own: str | None = None) -> str:
    """Return all findings, and how many have each severity.

    Args:
        findings: a reviewed table.
        analysis: in which they were found.
        own: what is taken for one's own, if that is inferred.
    """
    rows = list(json_rows(findings))
    standing = Counter(standing_findings(findings)["severity"].to_pylist())
    figures = {
        "severities": {each.value: standing[each.value] for each in Severity},
        "certificates_unseen": _certificates_unseen(analysis)._asdict(),
        "standings": count_standings(findings),
        "own_inferred": own,
    }
    return as_json(analysis, figures, {"findings": rows})


def findings_csv(findings: pa.Table) -> bytes:
    """Return a row for each finding."""
    file = io.BytesIO()
    write_csv([findings], findings.schema, file)
    return file.getvalue()


def _headline(rows: list[dict[str, Any]]) -> Text:
    text = Text(pluralize(len(rows), "finding"), style="bold")
    counts = Counter(row["severity"] for row in rows)
    for severity in reversed(Severity):
        if count := counts[severity.value]:
            text.append(", " if ":" in text.plain else ": ", "not bold")
            text.append(f"{count:,} {severity}", f"not bold {_STYLES[severity]}")
    return text


def _remarks(findings: pa.Table, analysis: Results) -> Iterator[str]:
    """Say what is not among the findings, and what can't be."""
    if standings := count_standings(findings):
        told = [f"{count:,} {standing}" for standing, count in standings.items()]
        yield f"Compared with the baseline: {', '.join(told)}"
    if accepted := len(findings) - findings["accepted"].null_count:
        yield pluralize(accepted, "accepted finding")
    unseen = _certificates_unseen(analysis)
    if unseen.sessions:
        yield (
            f"{unseen.sessions:,} of {pluralize(unseen.tls, 'session')} with TLS "
            f"showed no certificate ({unseen.hidden:,} in TLS 1.3, which hides it): "
            "nothing is known of those certificates"
        )


def _certificates_unseen(analysis: Results) -> UnseenCertificates:
    shown = analysis.tables["sessions"].select(_OF_CERTIFICATES)
    return certificates_unseen(
        shown.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    )


def _print_rows(rows: list[dict[str, Any]], console: Console) -> None:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = row["severity"], row["title"], row["rule"]
        groups.setdefault(key, []).append(row)
    for (severity, title, rule), findings in groups.items():
        heading = Text().append(severity.upper(), severity_style(severity))
        heading.append(f"  {title}", "bold")
        heading.append(f"  {rule}", "dim")
        console.print()
        console.print(heading)
        _print(console, findings[0]["remedy"], 2)
        for finding in findings:
            console.print()
            _print(console, _about(finding), 2)
            _print(console, _proof(finding), 4)
            if finding["accepted"]:
                _print(console, f"accepted: {finding['accepted']}", 4)
            _print(console, f"{finding['confidence']}, {finding['finding_id']}", 4)


def _print(console: Console, text: str, indent: int) -> None:
    console.print(Padding(Text(as_line(text)), (0, 0, 0, indent), expand=False))


def _about(finding: Mapping[str, Any]) -> str:
    parts = [
        _subject(finding),
        pluralize(finding["session_count"], "session"),
        as_span(finding["first_seen"], finding["last_seen"]),
        finding["standing"],
    ]
    return ", ".join(filter(None, parts))


def _subject(finding: Mapping[Any, Any]) -> str:
    """Say whom a finding concerns."""
    client, server, port, account = (
        None if pd.isna(finding[name]) else finding[name] for name in _SUBJECT
    )
    if server is not None and port is not None:
        server = endpoint(server, port)
    hosts = " > ".join(filter(None, (client, server)))
    # somebody chose it to be as long as a line may be
    name = shorten(account, _WIDEST_NAME) if account is not None else None
    return ", ".join(filter(None, (name, hosts))) or "-"


def _proof(finding: Mapping[str, Any]) -> str:
    """Say where the first piece of evidence can be seen."""
    if not finding["evidence"]:
        return "no single packet shows it"
    first, *others = finding["evidence"]
    place = [str(first["capture"])]
    if first["frame"] is not None:
        place.append(f"packet {first['frame']}")
    if first["offset"] is not None:
        place.append(f"{first['side']}'s byte {first['offset']}")
    text = ", ".join(place)
    if first["seen"]:
        text += f": {first['seen']}"
    return f"{text} (and {len(others):,} more)" if others else text
