"""Rules about waiting, with dialogues made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.deliveries import Delivery
from tests.support.findings import committed, found
from tests.support.traffic import ACK, CLIENT, RST, SERVER, PacketScript

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 1000


def delivery(
    number: int, phase: str | None = None, client: str = "192.0.2.101"
) -> Delivery:
    """A delivery whose server takes 12 seconds in one phase."""
    wait_ms = 12 * SECONDS
    banner_ms = wait_ms * (phase == "banner")
    script = Delivery(number, banner_ms=banner_ms, client=client)
    script.sender()
    script.client(b"RCPT TO:<tom@example.com>\r\n")
    script.wait(wait_ms * (phase == "recipient"))
    script.server(b"250 ok\r\n").client(b"DATA\r\n").server(b"354 go on\r\n")
    script.client(b"Subject: a\r\n\r\na\r\n.\r\n")
    script.wait(wait_ms * (phase == "message")).server(b"250 ok\r\n")
    return script


def test_server_is_slow_in_each_phase(tmp_path: Path) -> None:
    for phase in ("banner", "recipient", "message"):
        scripts = [delivery(number, phase) for number in range(3)]

        (finding,) = found(tmp_path, "slow-phase", *scripts)

        assert (finding["kind"], finding["session_count"]) == (phase, 3)
        assert finding["client_ip"] is None
        evidence = finding["evidence"][0]
        assert (evidence["side"], evidence["seen"]) == ("server", f"{phase}: 12.0 s")


def test_server_that_is_slow_to_let_users_in(tmp_path: Path) -> None:
    scripts = []
    for number in range(3):
        script = PacketScript(110, client_port=40_000 + number).server(b"+OK hi\r\n")
        script.client(b"USER ann\r\n").server(b"+OK\r\n").client(b"PASS a\r\n")
        scripts.append(script.wait(8 * SECONDS).server(b"+OK in\r\n"))

    (finding,) = found(tmp_path, "slow-phase", *scripts)

    assert finding["kind"] == "login"


def test_one_slow_session_is_no_finding(tmp_path: Path) -> None:
    scripts = [delivery(number) for number in range(5)]
    scripts += [delivery(9, "message"), delivery(10, "banner")]

    assert found(tmp_path, "slow-phase", *scripts) == []


def test_busy_client_does_not_hide_that_others_wait(tmp_path: Path) -> None:
    scripts = [delivery(number, client="203.0.113.9") for number in range(10)]
    scripts += [delivery(number, "recipient") for number in range(20, 23)]

    (finding,) = found(tmp_path, "slow-phase", *scripts)

    assert finding["session_count"] == 3


def test_refusal_may_be_delayed_on_purpose(tmp_path: Path) -> None:
    scripts = []
    for number in range(4):
        script = PacketScript(110, client_port=40_000 + number).server(b"+OK hi\r\n")
        script.client(b"USER ann\r\n").server(b"+OK\r\n").client(b"PASS a\r\n")
        scripts.append(script.wait(8 * SECONDS).server(b"-ERR no\r\n"))

    assert found(tmp_path, "slow-phase", *scripts) == []


def test_long_distance_is_no_slow_server() -> None:
    for rule in ("slow-phase", "stalled-transfer"):
        assert committed("imap-long-distance", rule) == []


def test_message_stalls(tmp_path: Path) -> None:
    script = Delivery().sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n").client(b"Subject: a\r\n\r\n")
    script.wait(120 * SECONDS).client(b"a\r\n.\r\n").server(b"250 ok\r\n")

    (finding,) = found(tmp_path, "stalled-transfer", script)

    assert finding["kind"] == "stalled"
    evidence = finding["evidence"][0]
    assert (evidence["side"], evidence["seen"]) == (
        *("client", "17 bytes in 120.0 s, accepted"),
    )


def test_message_breaks_off(tmp_path: Path) -> None:
    script = Delivery().sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n").client(b"Subject: a\r\n\r\na")
    script.send(SERVER, flags=RST | ACK)

    (finding,) = found(tmp_path, "stalled-transfer", script)

    assert finding["kind"] == "broken-off"


def test_bytes_that_were_not_captured_are_no_delay(tmp_path: Path) -> None:
    script = Delivery().sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n").client(b"Subject: a\r\n\r\n")
    script.lose(CLIENT, 1_000_000).wait(60 * SECONDS).client(b"a\r\n.\r\n")
    script.server(b"250 ok\r\n")

    assert found(tmp_path, "stalled-transfer", script) == []
