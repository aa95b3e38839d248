"""Mail behind TLS on ports that are for nothing in particular."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from dissectors import KeyLog, registry
from dissectors.detection.detector import Chunk, Detector, Verdict
from dissectors.events import Side
from dissectors.services import Protocol
from dissectors.tls import TlsDissector
from tests.support.analyses import CAPTURES, DATA, decrypted, rows
from tests.support.plugins import echo, plugins
from tests.support.tls.openssl import Settings, Stack, Wire
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

CLIENT, SERVER = Side
PORT = 8443
# captures of connections that are TLS from the start
IMPLICIT = sorted(path.stem for path in DATA.glob("*-implicit-tls.keys"))
# off the mail ports nobody looks at packets without payload
OF_OTHER_PACKETS = {"client_packets", "tcp_rtt_s", "banner_delay_s", "login_delay_s"}
INSIDE = {
    "imap": [(SERVER, b"* OK ready\r\n"), (CLIENT, b"a LOGOUT\r\n")],
    "pop3": [(SERVER, b"+OK ready\r\n"), (CLIENT, b"QUIT\r\n")],
    "smtp": [(SERVER, b"220 mx ESMTP\r\n"), (CLIENT, b"EHLO client\r\n")],
    "http": [(CLIENT, b"GET / HTTP/1.1\r\n\r\n"), (SERVER, b"HTTP/1.1 200 OK\r\n")],
    "ftp": [(SERVER, b"220 ftp\r\n"), (CLIENT, b"USER anonymous\r\n")],
    "redis": [(CLIENT, b"QUIT\r\n"), (SERVER, b"+OK\r\n")],
    "nothing": [],
}


def found(wire: Wire, *, keys: bool = False, split: bool = False) -> str | None:
    log = KeyLog()
    log.add(wire.key_log if keys else b"")
    detector = Detector(None, saw_start=True, key_log=log)
    size = 3 if split else 1 << 14
    for side, data in wire.steps:
        for begin in range(0, len(data), size):
            if detector.verdict is Verdict.UNDECIDED:
                detector.receive(Chunk(side, data[begin : begin + size], 0, 1, 1))
    assert log.used == 0
    return detector.protocol if detector.finish() is Verdict.MAIL else None


def connection(wire: Wire, port: int = PORT) -> PacketScript:
    dialogue = PacketScript(port)
    for side, data in wire.steps:
        dialogue.send(side, data)
    return dialogue.close()


@pytest.mark.parametrize("name", IMPLICIT)
def test_decrypted_mail_is_found_on_any_port(name: str) -> None:
    keys = DATA / f"{name}.keys"
    elsewhere = {port: registry.ports()[port] for port in (25, 110, 143, 587)}

    without = analyzer.analyze(CAPTURES[name], ports=elsewhere)
    found = analyzer.analyze(CAPTURES[name], ports=elsewhere, key_log=keys)
    expected = decrypted(name)

    assert rows(without) == []
    for table in ("messages", "exchanges", "anomalies"):
        assert rows(found, table) == rows(expected, table)
    (row,), (other,) = rows(found), rows(expected)
    assert {name for name in row if row[name] != other[name]} <= OF_OTHER_PACKETS
    assert row["tls_decrypted"]


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("inside", INSIDE)
def test_only_mail_is_mail_behind_tls(inside: str, split: bool) -> None:
    wire = Stack(Settings()).play(INSIDE[inside])
    expected = inside if inside in list(Protocol) else None

    assert found(wire, keys=True, split=split) == expected
    assert found(wire, split=split) is None


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    ("alpn", "expected"),
    [
        (("imap",), "imap"),
        (("pop3",), "pop3"),
        (("esmtp", "smtp"), "smtp"),
        (("h2", "imap"), "imap"),
        (("imap", "pop3"), None),
        (("h2", "http/1.1"), None),
        (("imaps",), None),
    ],
)
def test_client_may_name_the_protocol(
    alpn: tuple[str, ...], expected: str | None, split: bool
) -> None:
    assert found(Stack(Settings(alpn=alpn)).play([]), split=split) == expected


@pytest.mark.parametrize(
    ("alpn", "expected"), [(("echo", "imap"), "imap"), (("h2", "echo"), "echo")]
)
def test_name_of_a_plugin_counts_behind_mailtaps_own(
    alpn: tuple[str, ...], expected: str
) -> None:
    wire = Stack(Settings(alpn=alpn)).play([])
    with plugins() as install:
        install(echo(alpn=(b"echo",)))

        assert found(wire, split=False) == expected


def test_connections_off_the_mail_ports_are_looked_into(tmp_path: Path) -> None:
    named = Stack(Settings(alpn=("imap",))).play([])
    opened = Stack(Settings()).play(INSIDE["pop3"])
    other = Stack(Settings(alpn=("h2",))).play(INSIDE["http"])
    log = tmp_path / "keys"
    log.write_bytes(opened.key_log + other.key_log)
    wires = [named, opened, other]
    capture = write_pcap(
        tmp_path / "a.pcap",
        *(connection(wire, PORT + number) for number, wire in enumerate(wires)),
    )

    analysis = analyzer.analyze(capture, key_log=log)

    assert [
        (row["server_port"], row["protocol"], row["tls_mode"], row["tls_decrypted"])
        for row in rows(analysis)
    ] == [(PORT, "imap", "implicit", False), (PORT + 1, "pop3", "implicit", True)]


def test_tls_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Stack(Settings()).play(INSIDE["pop3"])
    log = tmp_path / "keys"
    log.write_bytes(wire.key_log)
    capture = write_pcap(tmp_path / "a.pcap", connection(wire))
    read = []
    receive_data = TlsDissector.receive_data

    def count(tls: TlsDissector, side: Side, data: bytes, *at: int) -> object:
        read.append(data)
        return receive_data(tls, side, data, *at)

    monkeypatch.setattr(TlsDissector, "receive_data", count)
    analyzer.analyze(capture, key_log=log, processes=1)

    assert b"".join(read) == b"".join([data for _, data in wire.steps])


def test_secrets_of_other_protocols_are_of_no_use(tmp_path: Path) -> None:
    wire = Stack(Settings()).play(INSIDE["http"])
    log = tmp_path / "keys"
    log.write_bytes(wire.key_log)
    capture = write_pcap(tmp_path / "a.pcap", connection(wire))

    (note,) = analyzer.analyze(capture, key_log=log).notes

    assert "none of its secrets" in note


@pytest.mark.parametrize("alpn", [("imap",), ("h2",)])
def test_client_may_name_the_protocol_behind_a_proxy(
    alpn: tuple[str, ...], tmp_path: Path
) -> None:
    dialogue = PacketScript(PORT)
    dialogue.client(b"PROXY TCP4 203.0.113.7 192.0.2.10 4711 8443\r\n")
    for side, data in Stack(Settings(alpn=alpn)).play([]).steps:
        dialogue.send(side, data)

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue.close()))

    seen = [(row["protocol"], row["anomalies"]) for row in rows(analysis)]
    assert seen == ([("imap", [])] if alpn == ("imap",) else [])
