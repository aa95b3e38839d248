from __future__ import annotations

import pyarrow as pa

from analyzer.findings.selection import of_host, of_rules, of_severities
from tests.support.finding_rows import table_of

SESSIONS = pa.table(
    {
        "client_ip": ["192.0.2.7", "192.0.2.8", None],
        "server_ip": ["198.51.100.25", "198.51.100.26", None],
    }
)
OF_CLIENT = {"finding_id": "c", "server_ip": None}
OF_BOTH = {"finding_id": "b"}
OF_SERVER = {"finding_id": "s", "client_ip": None}
FINDINGS = table_of(OF_CLIENT, OF_BOTH, OF_SERVER)


def ids_of(column: str, address: str) -> list[str]:
    chosen = of_host(FINDINGS, SESSIONS, column, address)
    found: list[str] = chosen["finding_id"].to_pylist()
    return found


def test_findings_of_rules_and_severities_are_chosen() -> None:
    some = table_of({"rule": "one"}, {"rule": "two", "severity": "low"})

    assert of_rules(some, ["two"])["rule"].to_pylist() == ["two"]
    assert of_severities(some, ["low", "info"])["rule"].to_pylist() == ["two"]


def test_client_is_concerned_by_its_own_findings_and_those_of_its_servers() -> None:
    assert ids_of("client_ip", "192.0.2.7") == ["c", "b", "s"]


def test_client_is_not_concerned_by_those_of_others() -> None:
    assert ids_of("client_ip", "192.0.2.8") == []
    assert ids_of("client_ip", "192.0.2.9") == []


def test_server_is_concerned_by_its_own_findings_and_those_of_its_clients() -> None:
    assert ids_of("server_ip", "198.51.100.25") == ["c", "b", "s"]
    assert ids_of("server_ip", "198.51.100.26") == []
