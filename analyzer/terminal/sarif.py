"""Findings in SARIF 2.1.0, which other programs collect and compare.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; numbers of sections
are of that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from analyzer import __version__
from analyzer.findings import registry
from analyzer.findings.levels import Severity
from analyzer.findings.review import Standing
from analyzer.tables.export import json_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from analyzer.findings.rule import Rule

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    "sarif-schema-2.1.0.json"
)
# 3.27.10
_LEVELS = {
    Severity.INFO: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
# 3.27.24
_STATES = {
    Standing.NEW: "new",
    Standing.UNCHANGED: "unchanged",
    Standing.GONE: "absent",
}
_PROPERTIES = (
    "severity",
    "confidence",
    "kind",
    "service",
    "client_ip",
    "server_ip",
    "server_port",
    "account",
    "first_seen",
    "last_seen",
    "session_count",
    "session_ids",
    "mender",
)


def as_sarif(findings: pa.Table) -> str:
    """Return a log with one run.

    Args:
        findings: a reviewed table.
    """
    rows = list(json_rows(findings))
    known = registry.rules()
    named = list(dict.fromkeys(row["rule"] for row in rows))
    driver = {
        "name": "mailtap",
        "version": __version__,
        "rules": [_rule(known[name]) for name in named],
    }
    run = {
        "tool": {"driver": driver},
        "results": [_result(row, named.index(row["rule"])) for row in rows],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, allow_nan=False)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.proof},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": [rule.theme],
            "references": list(rule.references),
        },
    }


def _result(row: Mapping[str, Any], rule_index: int) -> dict[str, Any]:
    result = {
        "ruleId": row["rule"],
        "ruleIndex": rule_index,
        "level": _LEVELS[Severity(row["severity"])],
        "message": {"text": _message(row)},
        "locations": [_location(each) for each in row["evidence"]],
        "partialFingerprints": {"finding_id/v1": row["finding_id"]},
        "properties": {name: row[name] for name in _PROPERTIES},
        # if one has some, all are to have them (3.27.23)
        "suppressions": [],
    }
    if row["standing"] is not None:
        result["baselineState"] = _STATES[Standing(row["standing"])]
    if row["accepted"] is not None:
        why = {"kind": "external", "justification": row["accepted"]}
        result["suppressions"] = [why]
    return result


def _message(row: Mapping[str, Any]) -> str:
    parts = {
        "client": row["client_ip"],
        "server": row["server_ip"],
        "port": row["server_port"],
        "account": row["account"],
        "sessions": row["session_count"],
    }
    told = (f"{name} {value}" for name, value in parts.items() if value is not None)
    return f"{row['title']}: {', '.join(told)}. {row['remedy']}"


def _location(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Name the packet, as SARIF knows lines and bytes of files only."""
    place = [
        f"packet {evidence['frame']}" if evidence["frame"] is not None else None,
        evidence["side"],
        f"offset {evidence['offset']}" if evidence["offset"] is not None else None,
        evidence["seen"],
    ]
    text = ", ".join(filter(None, place)) or "the session"
    capture = evidence["capture"] or ""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(capture, errors="replace")}
        },
        "logicalLocations": [
            {"name": evidence["session_id"], "kind": "object"},
        ],
        "message": {"text": text},
    }
