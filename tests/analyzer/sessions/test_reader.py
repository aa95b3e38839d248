"""How connections become sessions, or don't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from tests.support.analyses import rows
from tests.support.traffic import ACK, CLIENT, FIN, SERVER, PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

HELLO = (
    bytes.fromhex("16030100310100002d0303")
    + bytes(32)
    + bytes.fromhex("0000021301010000020000")
)


def protocols(path: Path, *dialogues: PacketScript) -> list[str]:
    analysis = analyzer.analyze(write_pcap(path / "a.pcap", *dialogues))
    return [row["protocol"] for row in rows(analysis)]


def in_bytes(dialogue: PacketScript, side: int, data: bytes) -> PacketScript:
    for position in range(len(data)):
        dialogue.send(
            CLIENT if side == CLIENT else SERVER, data[position : position + 1]
        )
    return dialogue


@pytest.mark.parametrize(
    ("port", "greeting", "protocol"),
    [
        (25, b"220 mx\r\n", "smtp"),
        (143, b"* OK hi\r\n", "imap"),
        (110, b"+OK\r\n", "pop3"),
    ],
)
def test_greeting_byte_by_byte_is_mail(
    port: int, greeting: bytes, protocol: str, tmp_path: Path
) -> None:
    dialogue = in_bytes(PacketScript(port), SERVER, greeting)

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue.close()))

    (session,) = rows(analysis)
    (exchange,) = rows(analysis, "exchanges")
    assert session["protocol"] == protocol
    assert (exchange["kind"], exchange["reply_frame"]) == (
        "greeting",
        3 + len(greeting),
    )


def test_talk_byte_by_byte_is_mail(tmp_path: Path) -> None:
    dialogue = PacketScript(110).server(b"+OK hi\r\n")
    in_bytes(dialogue, CLIENT, b"USER tom\r\n")
    in_bytes(dialogue.server(b"+OK\r\n"), CLIENT, b"QUIT\r\n").server(
        b"+OK\r\n"
    ).close()
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    assert [row["verb"] for row in rows(analysis, "exchanges")] == [
        None,
        "USER",
        "QUIT",
    ]
    assert rows(analysis)[0]["anomalies"] == []


@pytest.mark.parametrize("port", [25, 110, 143])
def test_other_protocol_on_a_mail_port_is_no_session(port: int, tmp_path: Path) -> None:
    dialogue = PacketScript(port).client(b"GET / HTTP/1.1\r\n\r\n")

    assert (
        protocols(tmp_path, dialogue.server(b"HTTP/1.1 200 OK\r\n\r\n").close()) == []
    )


def test_client_that_hangs_up_first_still_has_a_session(tmp_path: Path) -> None:
    dialogue = PacketScript(25).send(CLIENT, flags=FIN | ACK)

    analysis = analyzer.analyze(
        write_pcap(tmp_path / "a.pcap", dialogue.server(b"220 late\r\n").close())
    )

    (row,) = rows(analysis)
    assert (row["banner"], row["ended"]) == ("late", "closed")


def test_stray_packet_without_payload_is_no_session(tmp_path: Path) -> None:
    dialogue = PacketScript(25, handshake=False).send(CLIENT, flags=ACK)

    assert protocols(tmp_path, dialogue.send(SERVER, flags=FIN | ACK)) == []


def test_connection_without_a_word_is_a_session(tmp_path: Path) -> None:
    assert protocols(tmp_path, PacketScript(995).close()) == ["pop3"]


def test_connection_that_went_on_before_the_capture_is_a_session(
    tmp_path: Path,
) -> None:
    dialogue = PacketScript(25, handshake=False).client(
        b"the end of a message\r\n.\r\n"
    )
    dialogue.server(b"250 queued\r\n").client(b"QUIT\r\n").server(b"221 bye\r\n")

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue.close()))

    (session,) = rows(analysis)
    assert session["complete"] is False
    assert session["reply_codes"] == [250, 221]
    assert [row["verb"] for row in rows(analysis, "exchanges")][-1] == "QUIT"


def test_one_side_alone_is_a_session_on_a_mail_port(tmp_path: Path) -> None:
    server = PacketScript(143, handshake=False).server(b"* OK hi\r\n")
    client = PacketScript(25, handshake=False, client_port=50_000).client(b"EHLO a\r\n")

    assert protocols(tmp_path, server, client) == ["imap", "smtp"]


def test_one_side_alone_is_no_session_on_another_port(tmp_path: Path) -> None:
    server = PacketScript(7143).server(b"* OK hi\r\n")
    client = PacketScript(7025, client_port=50_000).client(b"EHLO a\r\n")

    assert protocols(tmp_path, server.close(), client.close()) == []


def test_both_sides_are_a_session_on_another_port(tmp_path: Path) -> None:
    smtp = PacketScript(7025).server(b"220 a\r\n").client(b"EHLO b\r\n")
    imap = (
        PacketScript(7143, client_port=50_000)
        .server(b"* OK a\r\n")
        .client(b"1 NOOP\r\n")
    )

    assert protocols(tmp_path, smtp.close(), imap.close()) == ["smtp", "imap"]


def test_redis_with_inline_commands_is_no_session(tmp_path: Path) -> None:
    dialogue = PacketScript(6379).client(b"AUTH hush\r\n").server(b"+OK\r\n")

    assert (
        protocols(tmp_path, dialogue.client(b"QUIT\r\n").server(b"+OK\r\n").close())
        == []
    )


def test_hello_in_two_packets_is_encrypted_mail(tmp_path: Path) -> None:
    dialogue = PacketScript(993).client(HELLO[:3]).client(HELLO[3:])

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue.close()))

    (row,) = rows(analysis)
    assert (row["protocol"], row["tls_mode"]) == ("imap", "implicit")
    assert row["ja3"] is not None


def test_packets_cut_to_their_headers_are_a_session_on_a_mail_port(
    tmp_path: Path,
) -> None:
    dialogue = PacketScript(143).server(b"* OK hi\r\n").client(b"1 NOOP\r\n").close()
    dialogue.packets = [each._replace(data=each.data[:54]) for each in dialogue.packets]

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    (row,) = rows(analysis)
    assert (row["missing_bytes"], row["banner"]) == (17, None)


def test_many_packets_cut_to_their_headers_are_not_kept(tmp_path: Path) -> None:
    dialogue = PacketScript(143)
    for _ in range(1500):
        dialogue.server(b"x" * 10)
    dialogue.packets = [each._replace(data=each.data[:54]) for each in dialogue.packets]

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue.close()))

    assert rows(analysis)[0]["missing_bytes"] == 15_000


@pytest.mark.parametrize("handshake", [True, False])
def test_mail_behind_a_proxy_is_found_on_any_port(
    handshake: bool, tmp_path: Path
) -> None:
    dialogue = PacketScript(2526, handshake=handshake)
    dialogue.client(b"PROXY TCP4 203.0.113.7 192.0.2.10 4711 2526\r\n")
    dialogue.server(b"220 mx\r\n").client(b"EHLO a\r\n").server(b"250 mx\r\n").close()

    (row,) = rows(analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue)))

    assert (row["helo"], row["client_ip"], row["anomalies"]) == ("a", "192.0.2.101", [])
    assert row["forwarded_client"][:2] == ["ADDR=203.0.113.7", "PORT=4711"]
