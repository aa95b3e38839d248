"""Columns of a session, each from a dialogue as short as it can be."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from tests.support.analyses import rows, rows_of
from tests.support.captures import pcap
from tests.support.traffic import (
    ACK,
    CLIENT,
    RST,
    SERVER,
    SYN,
    PacketScript,
    write_pcap,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Row = dict[str, Any]


@pytest.fixture
def row_of(tmp_path: Path) -> Callable[[PacketScript], Row]:
    """The only session of a capture with this dialogue."""

    def read(dialogue: PacketScript) -> Row:
        analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))
        (row,) = rows(analysis)
        return row

    return read


def encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())


def greeted(port: int = 25) -> PacketScript:
    greeting = {25: b"220 mx", 587: b"220 mx", 143: b"* OK hi", 110: b"+OK hi"}[port]
    return PacketScript(port).server(greeting + b"\r\n")


def test_times_are_those_of_the_packets(row_of: Callable[[PacketScript], Row]) -> None:
    dialogue = PacketScript(110).wait(250).server(b"+OK hi\r\n")
    dialogue.client(b"NOOP\r\n").wait(1500).server(b"+OK\r\n")

    row = row_of(dialogue)

    assert row["tcp_rtt_s"] == pytest.approx(0.002)
    assert row["banner_delay_s"] == pytest.approx(0.251)
    assert (row["slowest_verb"], row["slowest_s"]) == ("NOOP", pytest.approx(1.501))
    assert row["duration_s"] == pytest.approx(1.755)
    assert (row["end"] - row["start"]).total_seconds() == pytest.approx(1.755)


def test_idle_is_not_slow(row_of: Callable[[PacketScript], Row]) -> None:
    dialogue = greeted(143).client(b"a NOOP\r\n").server(b"a OK\r\n")
    dialogue.client(b"b IDLE\r\n").server(b"+ idling\r\n").wait(60_000)
    dialogue.client(b"DONE\r\n").server(b"b OK\r\n")

    row = row_of(dialogue)

    assert (row["slowest_verb"], row["slowest_s"]) == ("NOOP", pytest.approx(0.001))


def test_times_without_the_start_are_unknown(
    row_of: Callable[[PacketScript], Row],
) -> None:
    row = row_of(PacketScript(110, handshake=False).server(b"+OK hi\r\n"))

    assert row["tcp_rtt_s"] is None
    assert row["banner_delay_s"] is None
    assert row["slowest_verb"] is None
    assert row["complete"] is False


def test_ends_are_those_of_the_connection(
    row_of: Callable[[PacketScript], Row],
) -> None:
    row = row_of(greeted(110))

    assert (row["client_ip"], row["client_port"]) == ("192.0.2.101", 40_000)
    assert (row["server_ip"], row["server_port"]) == ("198.51.100.25", 110)
    assert (row["vlan"], row["first_frame"]) == (None, 1)


def test_vlan_is_the_outermost() -> None:
    assert {row["vlan"] for row in rows_of("vlan-tagged")} == {42}
    assert {row["vlan"] for row in rows_of("qinq")} == {7}


def test_volume_is_counted_by_direction(row_of: Callable[[PacketScript], Row]) -> None:
    dialogue = greeted(110).client(b"NOOP\r\n").lose(SERVER, 7).server(b"+OK\r\n")
    again = dialogue.packets[-1]
    dialogue.client(b"QUIT\r\n")
    dialogue.packets.append(again._replace(time_ns=again.time_ns + 9_000_000))

    row = row_of(dialogue)

    assert (row["client_packets"], row["server_packets"]) == (4, 4)
    assert (row["client_bytes"], row["server_bytes"]) == (12, 13)
    assert (row["missing_bytes"], row["retransmitted_bytes"]) == (7, 5)
    assert row["anomalies"] == ["stream_gap"]


@pytest.mark.parametrize(
    ("dialogue", "ended"),
    [
        (greeted(), "open"),
        (greeted().close(), "closed"),
        (greeted().send(CLIENT, flags=RST | ACK), "reset"),
        (greeted().close().send(CLIENT, flags=RST), "closed"),
    ],
)
def test_connection_ends(
    dialogue: PacketScript, ended: str, row_of: Callable[[PacketScript], Row]
) -> None:
    assert row_of(dialogue)["ended"] == ended


def test_silence_ends_a_connection(tmp_path: Path) -> None:
    first = greeted(110)
    later = PacketScript(110, client_port=50_000, start_ms=3 * 3600 * 1000)
    path = write_pcap(tmp_path / "a.pcap", first, later.server(b"+OK\r\n").close())

    assert [row["ended"] for row in rows(analyzer.analyze(path))] == [
        "timeout",
        "closed",
    ]


def test_attempt_without_an_answer_is_a_session(
    row_of: Callable[[PacketScript], Row],
) -> None:
    row = row_of(PacketScript(993, handshake=False).send(CLIENT, flags=SYN))

    assert (row["protocol"], row["service"]) == ("imap", "imaps")
    assert (row["client_packets"], row["server_packets"]) == (1, 0)
    assert (row["complete"], row["tls_mode"], row["starttls"]) == (
        False,
        "none",
        "unknown",
    )
    assert (row["ended"], row["protection"]) == ("unanswered", "unknown")


def test_refused_attempt_is_a_session(row_of: Callable[[PacketScript], Row]) -> None:
    refused = PacketScript(25, handshake=False).send(CLIENT, flags=SYN)

    row = row_of(refused.send(SERVER, flags=RST | ACK))

    assert (row["ended"], row["banner"]) == ("refused", None)
    assert row["protection"] == "unknown"


def test_client_that_says_nothing_says_nothing_in_plaintext(
    row_of: Callable[[PacketScript], Row],
) -> None:
    row = row_of(PacketScript(993).close())
    assert (row["ended"], row["protection"]) == ("closed", "unknown")


def test_refused_attempt_that_is_repeated_is_one_session(tmp_path: Path) -> None:
    attempts = [
        PacketScript(110, start_ms=ms, handshake=False) for ms in (0, 500, 1000)
    ]
    for each in attempts:
        each.send(CLIENT, flags=SYN).send(SERVER, flags=RST | ACK)
    path = write_pcap(tmp_path / "a.pcap", *attempts)

    (row,) = rows(analyzer.analyze(path))

    assert (row["ended"], row["first_frame"]) == ("refused", 1)
    assert (row["client_packets"], row["server_packets"]) == (3, 3)


def test_delay_without_the_handshake_is_unknown(tmp_path: Path) -> None:
    greeted_at_once = PacketScript(25, handshake=False).server(b"220 a\r\n")
    path = write_pcap(tmp_path / "a.pcap", greeted_at_once.client(b"QUIT\r\n"))
    (row,) = rows(analyzer.analyze(path))
    assert row["tcp_rtt_s"] is row["banner_delay_s"] is None


def test_no_delay_is_negative_if_the_clock_goes_back(tmp_path: Path) -> None:
    dialogue = greeted().client(b"EHLO a\r\n").server(b"250 a\r\n")
    packets = [
        packet._replace(time_ns=packet.time_ns - number * 2_000_000)
        for number, packet in enumerate(dialogue.packets)
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(packets))

    analysis = analyzer.analyze(path)

    (row,) = rows(analysis)
    assert row["tcp_rtt_s"] is row["banner_delay_s"] is row["slowest_s"] is None
    assert row["duration_s"] == 0
    assert analysis.exchanges["latency_s"].isna().all()


@pytest.mark.parametrize(
    ("port", "service"),
    [(25, "smtp"), (587, "submission"), (143, "imap"), (110, "pop3")],
)
def test_service_is_that_of_the_port(
    port: int, service: str, row_of: Callable[[PacketScript], Row]
) -> None:
    assert row_of(greeted(port))["service"] == service


def test_service_on_another_port_is_the_protocol() -> None:
    told = {(row["server_port"], row["service"]) for row in rows_of("unusual-port")}

    assert told == {(10_025, "smtp"), (10_143, "imap")}


@pytest.mark.parametrize(
    ("replies", "starttls"),
    [
        ((b"250-mx\r\n250 SIZE\r\n",), "not-offered"),
        ((b"250-mx\r\n250 STARTTLS\r\n",), "offered"),
        ((b"250-mx\r\n250 STARTTLS\r\n", b"454 not now\r\n"), "refused"),
        ((b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n"), "accepted"),
        ((b"250-mx\r\n250 SIZE\r\n", b"502 no\r\n"), "refused"),
        ((b"502 no\r\n",), "unknown"),
    ],
)
def test_upgrade_goes_as_far_as_it_goes(
    replies: tuple[bytes, ...], starttls: str, row_of: Callable[[PacketScript], Row]
) -> None:
    dialogue = greeted(587)
    for command, reply in zip((b"EHLO a\r\n", b"STARTTLS\r\n"), replies, strict=False):
        dialogue.client(command).server(reply)

    assert row_of(dialogue.close())["starttls"] == starttls


def test_asking_without_an_answer_is_no_refusal(
    row_of: Callable[[PacketScript], Row],
) -> None:
    offered = greeted().client(b"EHLO a\r\n").server(b"250-mx\r\n250 STARTTLS\r\n")

    assert row_of(offered.client(b"STARTTLS\r\n"))["starttls"] == "offered"
    assert row_of(greeted().client(b"STARTTLS\r\n"))["starttls"] == "unknown"


def test_encrypted_session_is_not_asked_for_an_upgrade() -> None:
    (row,) = rows_of("imap-implicit-tls")

    assert (row["tls_mode"], row["starttls"], row["tls_established"]) == (
        "implicit",
        None,
        True,
    )


def test_hello_that_is_answered_in_clear_protects_nothing(
    row_of: Callable[[PacketScript], Row],
) -> None:
    hello = (
        bytes.fromhex("16030100310100002d0303")
        + bytes(32)
        + bytes.fromhex("0000021301010000020000")
    )

    row = row_of(PacketScript(465).client(hello).server(b"220 mx\r\n").close())

    assert (row["tls_mode"], row["banner"]) == ("none", "mx")


def test_server_tells_its_software_and_capabilities(
    row_of: Callable[[PacketScript], Row],
) -> None:
    dialogue = PacketScript(25).server(b"220 mx.example.com ESMTP Postfix\r\n")
    dialogue.client(b"EHLO a.example.net\r\n")

    row = row_of(
        dialogue.server(b"250-mx.example.com\r\n250-PIPELINING\r\n250 SIZE 9\r\n")
    )

    assert row["banner"] == "mx.example.com ESMTP Postfix"
    assert row["server_software"] == "Postfix"
    assert row["capabilities"] == ["PIPELINING", "SIZE 9"]
    assert row["helo"] == "a.example.net"


def test_capabilities_are_unknown_where_none_were_announced(
    row_of: Callable[[PacketScript], Row],
) -> None:
    assert row_of(greeted(110))["capabilities"] is None


def test_clients_tell_their_software_by_id(
    row_of: Callable[[PacketScript], Row],
) -> None:
    dialogue = greeted(143).client(b'1 ID ("name" "Thunderbird" "version" "128")\r\n')
    dialogue.server(b'* ID ("name" "Dovecot")\r\n1 OK done\r\n')

    row = row_of(dialogue)

    assert row["client_software"].startswith("Thunderbird")
    assert row["server_software"].startswith("Dovecot")


def test_pop3_server_tells_its_software(row_of: Callable[[PacketScript], Row]) -> None:
    dialogue = greeted(110).client(b"CAPA\r\n")

    row = row_of(dialogue.server(b"+OK\r\nUSER\r\nIMPLEMENTATION Dovecot\r\n.\r\n"))

    assert row["capabilities"] == ["USER", "IMPLEMENTATION Dovecot"]
    assert row["server_software"] == "Dovecot"


LOGINS = {
    "plain": ((b"AUTH PLAIN " + encoded("\0tom\0hush"),), "PLAIN", "tom", "password"),
    "login": (
        (b"AUTH LOGIN", encoded("tom"), encoded("hush")),
        "LOGIN",
        "tom",
        "password",
    ),
    "cram-md5": (
        (b"AUTH CRAM-MD5", encoded("tom " + 2 * "0123456789abcdef")),
        "CRAM-MD5",
        "tom",
        "offline",
    ),
    "xoauth2": (
        (b"AUTH XOAUTH2 " + encoded("user=tom\x01auth=Bearer hush\x01\x01"),),
        "XOAUTH2",
        "tom",
        "token",
    ),
    "unknown": ((b"AUTH X-OTHER",), "***", None, "nothing"),
}


@pytest.mark.parametrize(("code", "result"), [(235, "success"), (535, "failure")])
@pytest.mark.parametrize("name", LOGINS)
def test_smtp_login(
    name: str, code: int, result: str, row_of: Callable[[PacketScript], Row]
) -> None:
    lines, mechanism, user, exposure = LOGINS[name]
    dialogue = greeted(587)
    prompts = ["Username:", "Password:"] if mechanism == "LOGIN" else [""] * len(lines)
    for line, prompt in zip(lines[:-1], prompts, strict=False):
        dialogue.client(line + b"\r\n").server(b"334 " + encoded(prompt) + b"\r\n")
    dialogue.client(lines[-1] + b"\r\n").server(b"%d x\r\n" % code)

    row = row_of(dialogue)

    assert (row["auth_mechanism"], row["auth_user"]) == (mechanism, user)
    assert (row["auth_result"], row["auth_exposure"]) == (result, exposure)
    assert row["credentials_exposed"] == (exposure in ("password", "token"))
    assert (row["auth_attempts"], row["auth_failures"]) == (1, int(code == 535))
    assert row["last_error"] == ("535 x" if code == 535 else None)
    assert "hush" not in str(row)


@pytest.mark.parametrize(
    ("port", "command", "reply", "mechanism"),
    [
        (143, b'1 LOGIN tom "hush"', b"1 OK in", "LOGIN"),
        (143, b"1 AUTHENTICATE PLAIN " + encoded("\0tom\0hush"), b"1 OK in", "PLAIN"),
        (110, b"APOP tom 0123456789abcdef0123456789abcdef", b"+OK in", "APOP"),
        (110, b"AUTH PLAIN " + encoded("\0tom\0hush"), b"+OK in", "PLAIN"),
    ],
)
def test_access_login(
    port: int,
    command: bytes,
    reply: bytes,
    mechanism: str,
    row_of: Callable[[PacketScript], Row],
) -> None:
    row = row_of(greeted(port).client(command + b"\r\n").server(reply + b"\r\n"))

    assert (row["auth_mechanism"], row["auth_user"]) == (mechanism, "tom")
    assert (row["auth_result"], row["credentials_exposed"]) == (
        "success",
        mechanism != "APOP",
    )


def test_no_login_is_no_attempt(row_of: Callable[[PacketScript], Row]) -> None:
    row = row_of(greeted(110).client(b"QUIT\r\n").server(b"+OK\r\n").close())

    assert (row["auth_mechanism"], row["auth_result"]) == (None, None)
    assert (row["auth_attempts"], row["auth_failures"]) == (0, 0)
    assert (row["auth_exposure"], row["credentials_exposed"]) == (None, False)


def test_leaving_is_no_error(row_of: Callable[[PacketScript], Row]) -> None:
    dialogue = greeted(143).client(b"1 LOGOUT\r\n")

    row = row_of(dialogue.server(b"* BYE see you\r\n1 OK done\r\n").close())

    assert row["last_error"] is None


def test_server_that_hangs_up_gives_an_error(
    row_of: Callable[[PacketScript], Row],
) -> None:
    assert row_of(greeted(143).server(b"* BYE idle\r\n").close())["last_error"] == (
        "* BYE idle"
    )
    assert (
        row_of(PacketScript(25).server(b"421 busy\r\n").close())["last_error"]
        == "421 busy"
    )


def transaction(reply: bytes) -> PacketScript:
    return (
        greeted()
        .client(b"EHLO a\r\n")
        .server(b"250 mx\r\n")
        .client(b"MAIL FROM:<marta@example.net>\r\n")
        .server(b"250 ok\r\n")
        .client(b"RCPT TO:<tom@example.com>\r\n")
        .server(b"250 ok\r\n")
        .client(b"RCPT TO:<nobody@example.com>\r\n")
        .server(b"550 who?\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"Subject: Hi\r\n\r\nHello\r\n.\r\n")
        .server(reply)
    )


def test_mail_transaction(row_of: Callable[[PacketScript], Row]) -> None:
    row = row_of(transaction(b"250 queued\r\n"))

    assert row["mail_from"] == ["marta@example.net"]
    assert row["rcpt_to"] == ["tom@example.com", "nobody@example.com"]
    assert row["rcpt_refused"] == ["nobody@example.com"]
    assert row["reply_codes"] == [220, 250, 250, 250, 550, 354, 250]
    assert (row["messages_sent"], row["message_bytes"]) == (1, 22)
    assert row["plaintext_messages"] == 1
    assert row["last_error"] == "550 who?"


@pytest.mark.parametrize(
    ("reply", "outcome"), [(b"250 queued\r\n", "accepted"), (b"554 no\r\n", "refused")]
)
def test_message_row(reply: bytes, outcome: str, tmp_path: Path) -> None:
    dialogue = transaction(reply)
    path = write_pcap(tmp_path / "a.pcap", dialogue)
    analysis = analyzer.analyze(path)

    (message,) = rows(analysis, "messages")

    assert message["session_id"] == rows(analysis)[0]["session_id"]
    assert (message["direction"], message["outcome"]) == ("relayed", outcome)
    assert message["mail_from"] == "marta@example.net"
    assert message["rcpt_to"] == ["tom@example.com"]
    assert (message["subject"], message["size_bytes"]) == ("Hi", 22)
    # the packet before the last one ends the message
    assert (message["capture"], message["frame"]) == (
        str(path),
        len(dialogue.packets) - 1,
    )


def test_exchange_rows_are_in_the_order_of_commands(tmp_path: Path) -> None:
    dialogue = greeted(143).client(b"1 NOOP\r\n2 CHECK\r\n").wait(40)
    dialogue.server(b"2 OK b\r\n").server(b"1 NO a\r\n").server(b"* BYE x\r\n")
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    exchanges = rows(analysis, "exchanges")

    assert [(each["kind"], each["verb"], each["status"]) for each in exchanges] == [
        ("greeting", None, "* OK"),
        ("command", "NOOP", "NO"),
        ("command", "CHECK", "OK"),
        ("unsolicited", None, "* BYE"),
    ]
    assert [each["request_frame"] for each in exchanges] == [None, 5, 5, None]
    assert [each["reply_frame"] for each in exchanges] == [4, 7, 6, 8]
    assert [each["latency_s"] for each in exchanges] == [
        None,
        pytest.approx(0.042),
        pytest.approx(0.041),
        None,
    ]
    assert exchanges[0]["time"] == analysis.sessions["start"][0] + timedelta(
        milliseconds=3
    )


def test_anomaly_rows_name_their_place(tmp_path: Path) -> None:
    dialogue = greeted(110).client(b"\x01\x02\x03\r\n").server(b"+OK\r\n")
    path = write_pcap(tmp_path / "a.pcap", dialogue)

    (anomaly,) = rows(analyzer.analyze(path), "anomalies")

    assert (anomaly["code"], anomaly["side"]) == ("pop3_unknown_command", "client")
    assert (anomaly["capture"], anomaly["frame"]) == (str(path), 5)


def test_server_takes_long_to_answer_the_end_of_a_message(
    row_of: Callable[[PacketScript], Row],
) -> None:
    dialogue = greeted().client(b"MAIL FROM:<a@example.com>\r\n").server(b"250 ok\r\n")
    dialogue.client(b"RCPT TO:<b@example.com>\r\n").server(b"250 ok\r\n")
    dialogue.client(b"DATA\r\n").server(b"354 go\r\n")
    dialogue.client(b"Subject: x\r\n\r\n.\r\n").wait(3000).server(b"250 queued\r\n")

    row = row_of(dialogue.close())

    assert row["slowest_verb"] == "DATA"
    assert row["slowest_s"] == pytest.approx(3.001)


@pytest.mark.parametrize(
    ("deleted", "retention", "left"),
    [
        ((), "left-on-server", 3),
        ((1,), "some-deleted", 2),
        ((1, 2), "deleted", 1),
        # one that was never fetched
        ((3,), "left-on-server", 2),
        ((2, 3), "some-deleted", 1),
    ],
)
def test_retention_follows_the_messages_that_were_retrieved(
    deleted: tuple[int, ...],
    retention: str,
    left: int,
    row_of: Callable[[PacketScript], Row],
) -> None:
    dialogue = PacketScript(110).server(b"+OK\r\n")
    for command in (b"USER a", b"PASS b"):
        dialogue.client(command + b"\r\n").server(b"+OK\r\n")
    dialogue.client(b"STAT\r\n").server(b"+OK 3 300\r\n")
    for number in (1, 2):
        dialogue.client(b"RETR %d\r\n" % number).server(b"+OK\r\n\r\nx\r\n.\r\n")
    for number in deleted:
        dialogue.client(b"DELE %d\r\n" % number).server(b"+OK\r\n")
    dialogue.client(b"QUIT\r\n").server(b"+OK\r\n")

    row = row_of(dialogue.close())

    assert (row["retention"], row["messages_left"]) == (retention, left)


def test_proxy_names_the_client_in_two_commands(
    row_of: Callable[[PacketScript], Row],
) -> None:
    dialogue = greeted().client(b"XFORWARD ADDR=203.0.113.5 NAME=a\r\n")
    dialogue.server(b"250 ok\r\n").client(b"XFORWARD PROTO=ESMTP NAME=b\r\n")

    row = row_of(dialogue.server(b"250 ok\r\n").close())

    assert row["forwarded_client"] == ["ADDR=203.0.113.5", "NAME=b", "PROTO=ESMTP"]
