"""TLS of which the capture lacks the beginning, or one side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer import reports
from dissectors.events import Side
from tests.support.analyses import CAPTURES, rows
from tests.support.captures import Packet, pcap, read
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analyzer.tables.results import Results

UPGRADED = {
    "smtp": "smtp-submission-starttls-tls13",
    "imap": "imap-starttls",
    "pop3": "pop3-stls",
}
RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)


def payload(packet: Packet) -> bytes:
    """The TCP payload of a packet of the captures in `tests/data`."""
    data = packet.data
    ip = data[14:]
    if ip[0] >> 4 == 6:
        segment = ip[40:]
    else:
        segment = ip[(ip[0] & 15) * 4 : int.from_bytes(ip[2:4], "big")]
    return segment[(segment[12] >> 4) * 4 :]


def from_where(packets: list[Packet], begins: Callable[[bytes], bool]) -> list[Packet]:
    """The packets from the first one on whose payload begins so."""
    place = next(i for i, each in enumerate(packets) if begins(payload(each)))
    return packets[place:]


def analysis_of(path: Path, packets: list[Packet]) -> Results:
    (path / "a.pcap").write_bytes(pcap(packets))
    return analyzer.analyze(path / "a.pcap")


def is_go_ahead(data: bytes) -> bool:
    """Whether a server agrees to TLS."""
    return b"egin TLS" in data or b"eady to start TLS" in data


def is_hello(kind: int) -> Callable[[bytes], bool]:
    return lambda data: data[:2] == b"\x16\x03" and data[5] == kind


@pytest.mark.parametrize("protocol", UPGRADED)
@pytest.mark.parametrize(
    "begins",
    [is_go_ahead, is_hello(1), is_hello(2)],
    ids=["answer", "client", "server"],
)
def test_capture_begins_behind_starttls(
    protocol: str, begins: Callable[[bytes], bool], tmp_path: Path
) -> None:
    packets = read(CAPTURES[UPGRADED[protocol]])

    analysis = analysis_of(tmp_path, from_where(packets, begins))

    (row,) = rows(analysis)
    assert (row["protocol"], row["tls_mode"], row["starttls"]) == (
        protocol,
        "starttls",
        "accepted",
    )
    (verdict,) = reports.plaintext_ports(analysis.sessions)["verdict"]
    assert verdict == "nobody was seen to use it in plaintext"
    assert row["tls_version"] is not None
    assert (row["banner"], row["banner_delay_s"], row["anomalies"]) == (None, None, [])
    # a login may be in what is missing
    assert row["protection"] == "unknown"
    assert {each["kind"] for each in rows(analysis, "exchanges")} <= {"command"}


@pytest.mark.parametrize("protocol", UPGRADED)
def test_server_alone_shows_starttls(protocol: str, tmp_path: Path) -> None:
    packets = read(CAPTURES[UPGRADED[protocol]])
    is_server = packets[1].data[6:12]

    seen = [each for each in packets if each.data[6:12] == is_server]
    analysis = analysis_of(tmp_path, seen)

    (row,) = rows(analysis)
    assert (row["tls_mode"], row["starttls"]) == ("starttls", "accepted")
    assert row["banner"] is not None
    assert row["tls_cipher"] is not None
    assert row["anomalies"] == []


@pytest.mark.parametrize("protocol", UPGRADED)
def test_command_and_answer_of_starttls_are_lost(protocol: str, tmp_path: Path) -> None:
    packets = read(CAPTURES[UPGRADED[protocol]])
    place = next(i for i, each in enumerate(packets) if is_go_ahead(payload(each)))
    lost = [
        i
        for i, each in enumerate(packets)
        if i == place or (i < place and b"TLS\r\n" in payload(each)[-5:])
    ]

    kept = [each for i, each in enumerate(packets) if i not in lost]
    analysis = analysis_of(tmp_path, kept)

    (row,) = rows(analysis)
    assert row["tls_mode"] == "starttls"
    assert row["tls_version"] is not None
    assert row["banner"] is not None
    assert set(row["anomalies"]) == {"stream_gap"}


@pytest.mark.parametrize(
    ("port", "mode", "starttls"),
    [(143, None, "unknown"), (2525, None, "unknown"), (993, "implicit", None)],
)
@pytest.mark.parametrize("sides", [(Side.CLIENT,), (Side.SERVER,), tuple(Side)])
def test_capture_begins_in_the_middle_of_tls(
    port: int, mode: str | None, starttls: str | None, sides: Any, tmp_path: Path
) -> None:
    dialogue = PacketScript(port, handshake=False)
    for side in sides * 2:
        dialogue.send(side, RECORD)

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    (row,) = rows(analysis)
    assert (row["tls_mode"], row["starttls"]) == (mode, starttls)
    assert (row["protection"], row["anomalies"]) == ("unknown", [])
    assert reports.is_encrypted(analysis.sessions).tolist() == [True]
    assert reports.channel_of(analysis.sessions).tolist() == [mode or "midstream"]
    ((offered, verdict),) = reports.plaintext_ports(analysis.sessions)[
        ["offered", "verdict"]
    ].to_numpy()
    assert (offered, verdict) == (
        ("TLS", "always encrypted")
        if mode
        else ("unknown", "nobody was seen to use it in plaintext")
    )
    assert rows(analysis, "exchanges") == []


def test_capture_begins_in_the_middle_of_a_record(tmp_path: Path) -> None:
    dialogue = PacketScript(143, handshake=False)
    dialogue.client(b"\x8fQ\x01" * 30).server(RECORD).client(b"A1 LOGIN\r\n" * 9)

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    (row,) = rows(analysis)
    assert (row["tls_mode"], row["anomalies"]) == (None, [])
    assert rows(analysis, "exchanges") == []


def test_client_that_sends_a_record_in_clear_is_read_on(tmp_path: Path) -> None:
    dialogue = PacketScript(25).server(b"220 mx ESMTP\r\n").client(b"EHLO a\r\n")
    dialogue.server(b"250 mx\r\n").client(RECORD + b"\r\n").server(b"500 what?\r\n")
    dialogue.client(b"MAIL FROM:<a@example.com>\r\n").server(b"250 ok\r\n").close()

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    (row,) = rows(analysis)
    assert (row["tls_mode"], row["mail_from"]) == ("none", ["a@example.com"])
