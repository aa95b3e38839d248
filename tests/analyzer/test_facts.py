"""The committed captures against what their clients and servers told of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dissectors import registry
from tests.support.analyses import CAPTURES, DATA, analysis_of, rows_of

Row = dict[str, Any]

# our column for each fact that is in plaintext
COLUMNS = {
    "mechanism": "auth_mechanism",
    "user": "auth_user",
    "auth_result": "auth_result",
    "mail_from": "mail_from",
    "rcpt_to": "rcpt_to",
    "rcpt_refused": "rcpt_refused",
    "mailboxes": "mailboxes",
    "fetched": "messages_retrieved",
    "appended": "messages_appended",
    "expunged": "messages_deleted",
    "retrieved": "messages_retrieved",
    "deleted": "messages_deleted",
    "state": "state",
    "attempts": "auth_attempts",
    "failures": "auth_failures",
    "available": "messages_available",
    "left": "messages_left",
    "headers": "headers_fetched",
    "parts": "parts_fetched",
    "flagged": "flags_changed",
    "copied": "messages_copied",
    "moved": "messages_moved",
    "listed": "mailboxes_listed",
    "changed": "mailboxes_changed",
    "synchronisation": "synchronisation",
    "forwarded": "forwarded_client",
}
# facts that stay in plaintext where the rest is encrypted, or identify the session
OPEN_COLUMNS = {
    "protocol": "protocol",
    "client": "client_ip",
    "client_port": "client_port",
    "server": "server_ip",
    "port": "server_port",
    "tls": "tls_mode",
    "tls_version": "tls_version",
    "tls_cipher": "tls_cipher",
}
# facts that are not in the capture: it begins later, or lacks packets or bytes
UNSEEN = {
    "imap-midstream": {"mechanism", "user", "auth_result", "mailboxes"},
    "one-direction-server": {"mail_from", "rcpt_to", "messages"},
    "smtp-capture-loss": {"messages"},
    "smtp-snaplen": {"mail_from", "messages"},
}
# facts that the client did not tell: it sends words, not a message
UNTOLD = {"smtp-smuggling": {"messages"}}
# logins that the server refused before it asked for a user
NEVER_ASKED = {("office", 36976)}
# what OpenSSL calls them, and we
NAMES = {
    "TLSv1": "TLSv1.0",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES256-SHA": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
}


def facts_of(name: str) -> list[Row]:
    told = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return list(told["sessions"])


def expected(name: str, fact: Row) -> Row:
    """What of a fact the tables must hold."""
    in_plaintext = fact["tls"] == "none"
    told = set(OPEN_COLUMNS) | ({"messages", *COLUMNS} if in_plaintext else set())
    told -= UNSEEN.get(name, set()) | UNTOLD.get(name, set())
    if (name, fact.get("client_port")) in NEVER_ASKED:
        told.remove("user")
    wanted = {key: value for key, value in fact.items() if key in told}
    for key in wanted.keys() & {"tls_version", "tls_cipher"}:
        wanted[key] = NAMES.get(fact[key], fact[key])
    return wanted


def found(name: str, row: Row, keys: Row) -> Row:
    """The same keys, as the tables hold them."""
    columns = {**COLUMNS, **OPEN_COLUMNS}
    told = {key: row[columns[key]] for key in keys if key in columns}
    if "messages" in keys:
        told["messages"] = [
            message_facts(message, told_of)
            for message, told_of in zip(
                messages_of(name, row), [*keys["messages"], *[{}] * 9], strict=False
            )
        ]
    return told


def messages_of(name: str, row: Row) -> list[Row]:
    messages = rows_of(name, "messages")
    return [each for each in messages if each["session_id"] == row["session_id"]]


def message_facts(message: Row, keys: Row) -> Row:
    told = {key: message[key] for key in ("message_id", "subject", "from")}
    if "attachments" in keys:
        told["attachments"] = [
            {
                "name": a["name"],
                "content_type": a["type"],
                "size_bytes": a["size_bytes"],
                "sha256": a["sha256"],
            }
            for a in message["attachments"]
        ]
    if not told["from"]:
        # swaks takes the brackets of the null sender off
        told["from"] = "<>"
    return told


@pytest.mark.parametrize("name", CAPTURES)
def test_tables_agree_with_clients_and_servers(name: str) -> None:
    rows, facts = rows_of(name), facts_of(name)
    assert len(rows) == len(facts)
    for fact in facts:
        wanted = expected(name, fact)
        told = [found(name, row, wanted) for row in rows]
        assert wanted in told
        # each row is for one fact
        del rows[told.index(wanted)]


@pytest.mark.parametrize("name", [n for n in CAPTURES if n.startswith("negative-")])
def test_other_services_are_no_mail(name: str) -> None:
    analysis = analysis_of(name)

    assert analysis.packets > 0
    assert not any(len(table) for table in analysis.tables.values())


@pytest.mark.parametrize("name", CAPTURES)
def test_every_packet_of_a_connection_is_decoded(name: str) -> None:
    analysis = analysis_of(name)

    assert set(analysis.undecoded) <= {"ARP without IP inside"}
    assert analysis.problems == []


@pytest.mark.parametrize("name", CAPTURES)
def test_anomalies_are_listed_and_none_is_a_bug(name: str) -> None:
    codes = {row["code"] for row in rows_of(name, "anomalies")}

    assert codes <= set(registry.anomalies())
    assert "dissector_bug" not in codes


@pytest.mark.parametrize("name", CAPTURES)
def test_gaps_are_reported_where_packets_are_missing(name: str) -> None:
    gaps = {each["code"] for each in rows_of(name, "anomalies")} & {"stream_gap"}
    missing = sum(session["missing_bytes"] for session in rows_of(name))

    assert bool(gaps) == bool(missing)
    assert bool(missing) == (name in {"smtp-capture-loss", "smtp-snaplen"})


def test_message_with_a_gap_is_cut_and_has_no_digest() -> None:
    (message,) = rows_of("smtp-capture-loss", "messages")
    (session,) = rows_of("smtp-capture-loss")
    (attachment,) = message["attachments"]

    assert session["missing_bytes"] > 0
    assert message["message_id"] == "<capture-loss@mx.example.net>"
    assert attachment["name"] == "way.pdf"
    assert attachment["sha256"] is None


def test_round_trip_is_that_of_the_line() -> None:
    told = json.loads((DATA / "imap-long-distance.json").read_text(encoding="utf-8"))
    (session,) = rows_of("imap-long-distance")

    assert session["tcp_rtt_s"] == pytest.approx(told["round_trip_s"], rel=0.2)


def test_rejected_certificate_ends_in_an_alert() -> None:
    (session,) = rows_of("imap-untrusted-certificate")

    assert session["tls_alert"] == "unknown_ca"
    assert session["cert_subject"] is not None


def test_connections_that_share_their_ports_are_sessions_of_their_own() -> None:
    first, second = rows_of("port-reuse")

    assert first["client_port"] == second["client_port"]
    assert first["session_id"] != second["session_id"]
    assert first["end"] <= second["start"]


SECRETS = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", CAPTURES)
def test_no_secret_is_kept(name: str) -> None:
    kept = "\n".join(
        str(table.to_pylist()) for table in analysis_of(name).tables.values()
    )

    assert [secret for secret in SECRETS if secret in kept] == []


def test_secrets_are_in_the_captures() -> None:
    captured = b"".join(path.read_bytes() for path in CAPTURES.values())

    assert sum(secret.encode() in captured for secret in SECRETS) > 20


@pytest.mark.parametrize("name", CAPTURES)
def test_extensions_that_clients_used_are_told(name: str) -> None:
    rows = {row["client_port"]: row for row in rows_of(name)}
    for fact in facts_of(name):
        if "extensions" in fact:
            told = rows[fact["client_port"]]["extensions"]
            assert set(fact["extensions"]) <= set(told)


@pytest.mark.parametrize("name", [name for name in CAPTURES if "lmtp" in name])
def test_every_recipient_of_lmtp_has_its_reply(name: str) -> None:
    """RFC 2033 §4.2."""
    (fact,) = facts_of(name)
    exchanges = rows_of(name, "exchanges")
    told = {
        each["argument"]: each["reply_code"]
        for each in exchanges
        if each["kind"] == "message"
    }
    assert told == fact["delivered"]
