"""Findings of analyses, for tests of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

import analyzer
from analyzer.findings import registry
from analyzer.findings.engine import find
from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import Rule
from analyzer.findings.settings import Settings
from analyzer.tables.schema import TABLES
from tests.support.analyses import analysis_of
from tests.support.traffic import write_pcap

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

    from analyzer.findings.facts import Facts
    from analyzer.findings.rule import Rule
    from analyzer.tables.results import Results
    from tests.support.traffic import PacketScript

START = 1_700_000_000_000_000_000


def sessions_of(
    *clients: str, server: str = "192.0.2.1", whole: bool = True
) -> dict[str, pa.Table]:
    """Tables with a session for each client, a second after the other."""
    found = {table.name: table.arrow.empty_table() for table in TABLES}
    rows = [
        {
            "session_id": f"s{number}",
            "service": "imap",
            "client_ip": client,
            "server_ip": server,
            "server_port": 143,
            "capture": "a.pcap",
            "first_frame": number + 1,
            "start": START + number * 10**9,
            "end": START + number * 10**9 + 5,
            "complete": whole,
            "missing_bytes": 0,
        }
        for number, client in enumerate(clients)
    ]
    schema = found["sessions"].schema
    found["sessions"] = pa.Table.from_pylist(
        [{name: row.get(name) for name in schema.names} for row in rows], schema=schema
    )
    return found


def every_session(facts: Facts) -> pd.DataFrame:
    return facts.hits(facts.sessions.all(), seen="a")


RULE = Rule(
    "some-rule",
    "test",
    "Something is wrong",
    Severity.LOW,
    Confidence.PROVEN,
    Mender.CLIENT,
    "Mend it.",
    "It is seen.",
    every_session,
)


def findings_of(
    analysis: Results,
    settings: Settings | None = None,
    rules: Iterable[Rule] = registry.BUILTIN,
) -> list[dict[str, Any]]:
    """All findings of some rules, the worst first."""
    table = find(analysis.tables, rules, settings or Settings())
    return list(table.to_pylist())


def named(findings: list[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    """Those of one rule."""
    return [each for each in findings if each["rule"] == rule]


def committed(name: str, rule: str) -> list[dict[str, Any]]:
    """Those of one rule in a committed capture; no other is asked."""
    return findings_of(analysis_of(name), rules=[registry.rules()[rule]])


def found(folder: Path, rule: str, *dialogues: PacketScript) -> list[dict[str, Any]]:
    """Those of one rule in connections made by hand; no other is asked."""
    capture = write_pcap(folder / "a.pcap", *dialogues)
    return findings_of(analyzer.analyze(capture), rules=[registry.rules()[rule]])


def judgements(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Severity and confidence of each."""
    return [(each["severity"], each["confidence"]) for each in findings]
