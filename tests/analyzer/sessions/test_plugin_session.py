"""What is taken of the events of a plug-in, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer.sessions import reader
from analyzer.sessions.plugin_session import PluginSession
from dissectors.events import (
    Anomaly,
    AuthAttempted,
    CapabilitiesAnnounced,
    CertificatesShown,
    Delivery,
    Direction,
    Exchange,
    ExchangeKind,
    Exposure,
    MessageFacts,
    MessageTransferred,
    Side,
)
from tests.support.analyses import CAPTURES

if TYPE_CHECKING:
    from dissectors.events import Event

GOOD = Anomaly("echo_mismatch", Side.CLIENT, -1, 1_700_000_000_000_000_000, 1)


def exchange(*said: Any) -> Exchange:
    return Exchange(1, ExchangeKind.COMMAND, *said)


def login(user: Any, result: Any) -> AuthAttempted:
    return AuthAttempted("USER", user, result, Exposure.PASSWORD)


def capabilities(names: Any) -> CapabilitiesAnnounced:
    return CapabilitiesAnnounced(names)


def message(receivers: Any) -> MessageTransferred:
    facts = MessageFacts(to=receivers)
    return MessageTransferred(Direction.RETRIEVED, Delivery.COMPLETE, facts, 1, 1)


def certificates(side: Any, chain: Any) -> CertificatesShown:
    return CertificatesShown(side, chain, 1)


@pytest.mark.parametrize(
    "event",
    [
        exchange(b"SAY"),
        exchange("SAY", 3),
        exchange("SAY", "", "noon"),
        exchange("SAY", "", True),
        exchange("SAY", "", 2**63),
        exchange("SAY", "", 1, 1, 70_000),
        login("al\udcffce", "success"),
        login("alice", "success"),
        capabilities(["SIEVE", 3]),
        capabilities(b"SIEVE"),
        message([None]),
        certificates(Side.CLIENT, [b"certificate"]),
        certificates("client", []),
    ],
)
def test_event_with_a_value_of_another_type_is_not_taken(event: Event) -> None:
    session = PluginSession("echo")

    with pytest.raises(TypeError, match="can't be stored"):
        session.fold([GOOD, event])

    assert session.detail_count == len(session.anomalies) == 1
    assert (session.auth, session.capabilities, session.tls) == (None, None, None)


def test_events_that_a_plug_in_has_for_itself_are_passed_over() -> None:
    class Nothing:
        pass

    session = PluginSession("echo")
    events: list[Any] = [Nothing(), "words", GOOD]
    session.fold(events)

    assert session.detail_count == 1


def test_events_of_mailtaps_own_dissectors_are_all_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "Session", PluginSession)
    for capture in CAPTURES.values():
        keys = capture.with_suffix(".keys")
        key_log = keys if keys.exists() else None
        checked = analyzer.analyze(capture, key_log=key_log, processes=1)
        assert "dissector_bug" not in set(checked.anomalies["code"])
