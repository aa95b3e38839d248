from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer.runs.cutting import cut_sessions
from analyzer.runs.secrets import TLS_KEY_LOG
from tests.support.analyses import CAPTURES, DATA, analysis_of, analysis_of_all, rows_of
from tests.support.captures import (
    Packet,
    enhanced_packet,
    interface,
    read,
    secrets,
    section,
)
from tests.support.encapsulations import LINKS, TAGS, TUNNELS, Wrap
from tests.support.traffic import PacketScript, merged, write_pcap

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from analyzer import Analysis

# where packets are: in other places of another capture
PLACES = {
    *("capture", "first_frame", "frame", "request_frame", "reply_frame"),
    *("tls_capture", "tls_frame", "cert_frame", "tls_alert_frame"),
}
Rows = dict[str, list[dict[str, Any]]]


def cut(
    captures: Sequence[Path],
    analysis: Analysis,
    target: Path,
    chosen: Collection[str] | None = None,
) -> int:
    """Write the packets of some sessions, or of all; return how many they are."""
    sessions = analysis.tables["sessions"]
    if chosen is None:
        chosen = set(sessions["session_id"].to_pylist())
    with target.open("wb") as file:
        return cut_sessions(captures, sessions, chosen, file)


def rows(analysis: Analysis, chosen: Collection[str] | None = None) -> Rows:
    """The rows of all tables, or those of some sessions, without places."""
    return {
        name: [
            {column: row[column] for column in row if column not in PLACES}
            for row in table.to_pylist()
            if chosen is None or row.get("session_id") in chosen
        ]
        for name, table in analysis.tables.items()
        if chosen is None or "session_id" in table.column_names
    }


def test_all_sessions_of_all_captures_are_the_same_in_one(tmp_path: Path) -> None:
    captures = [*CAPTURES.values()]
    before = analysis_of_all()

    cut(captures, before, tmp_path / "all.pcapng")

    after = analyzer.analyze(tmp_path / "all.pcapng")
    assert rows(after) == rows(before)
    assert len(before.tables["sessions"]) > 100


# tunnels, tags, fragments, another format, one pair of ports for two sessions, copies,
# packets that are cut or out of order, and a session that begins before its capture
@pytest.mark.parametrize(
    "name",
    [
        *("gre", "ipip", "mpls", "pppoe", "qinq", "vxlan", "ip-fragments", "smtp-ipv6"),
        *("port-reuse", "smtp-duplicates", "smtp-snaplen", "imap-reordered"),
        "imap-midstream",
    ],
)
def test_each_session_is_the_same_by_itself(name: str, tmp_path: Path) -> None:
    before, target = analysis_of(name), tmp_path / "one.pcapng"
    for session in rows_of(name):
        chosen = {session["session_id"]}
        cut([CAPTURES[name]], before, target, chosen)

        after = analyzer.analyze(target)
        assert rows(after, chosen) == rows(before, chosen)
        assert len(after.tables["sessions"]) == 1


def test_only_packets_of_the_session_are_written(tmp_path: Path) -> None:
    target = tmp_path / "one.pcapng"
    for session in rows_of("office")[:8]:
        count = cut(
            [CAPTURES["office"]],
            analysis_of("office"),
            target,
            {session["session_id"]},
        )
        assert count == session["client_packets"] + session["server_packets"]
        assert count == len(read(target))


def test_sessions_are_found_in_whatever_their_packets_are(tmp_path: Path) -> None:
    """In each tunnel, tag and link layer: two sessions, of which one is wanted."""
    wraps: list[tuple[int, Wrap]] = [
        *((1, wrap) for wrap in (*TUNNELS.values(), *TAGS.values())),
        *LINKS.values(),
    ]
    talks = []
    links: dict[int, int] = {}
    for at, (link_type, wrap) in enumerate(wraps):
        for port in (20_000 + at, 30_000 + at):
            talk = PacketScript(25, client_port=port, start_ms=at)
            talk.server(b"220 mail.example.com\r\n").client(b"QUIT\r\n").close()
            for place, packet in enumerate(talk.packets):
                data = wrap(packet.data[14:])
                talk.packets[place] = Packet(packet.time_ns, data, len(data), link_type)
            links.setdefault(link_type, len(links))
            talks.append(talk)
    path, target = tmp_path / "all.pcapng", tmp_path / "some.pcapng"
    path.write_bytes(
        section()
        + b"".join(interface(link_type=link_type) for link_type in links)
        + b"".join(
            enhanced_packet("<", packet, number=links[packet.link_type])
            for packet in merged(*talks)
        )
    )
    before = analyzer.analyze(path)
    wanted = {
        row["session_id"]
        for row in before.tables["sessions"].to_pylist()
        if row["client_port"] < 30_000
    }

    count = cut([path], before, target, wanted)

    assert len(wanted) == len(wraps) > 100
    assert count == sum(len(talk.packets) for talk in talks[::2])
    after = analyzer.analyze(target)
    assert rows(after) == rows(before, wanted) | {"certificates": []}


def test_packets_are_as_they_were(tmp_path: Path) -> None:
    for name in ("vxlan", "ip-fragments", "smtp-ipv6", "qinq"):
        cut([CAPTURES[name]], analysis_of(name), tmp_path / "all.pcapng")

        before, after = read(CAPTURES[name]), read(tmp_path / "all.pcapng")
        assert [packet for packet in before if packet in after] == after


def test_all_fragments_of_a_packet_are_written(tmp_path: Path) -> None:
    name = "ip-fragments"
    count = cut([CAPTURES[name]], analysis_of(name), tmp_path / "all.pcapng")

    [session] = rows_of(name)
    assert count > session["client_packets"] + session["server_packets"]
    assert analyzer.analyze(tmp_path / "all.pcapng").undecoded == {}


def test_sides_in_two_captures_come_in_the_order_of_time(tmp_path: Path) -> None:
    talk = PacketScript(25, client_port=4711)
    talk.server(b"220 mail.example.com\r\n").client(b"EHLO a.example\r\n")
    talk.server(b"250 hello\r\n").client(b"QUIT\r\n").server(b"221 bye\r\n").close()
    whole = write_pcap(tmp_path / "whole.pcap", talk)
    halves = split_by_port(whole, tmp_path)
    before = analyzer.analyze(halves)

    count = cut(halves, before, tmp_path / "one.pcapng")

    assert count == len(read(whole))
    assert rows(analyzer.analyze(tmp_path / "one.pcapng")) == rows(before)
    assert [packet.data for packet in read(tmp_path / "one.pcapng")] == [
        packet.data for packet in read(whole)
    ]


def split_by_port(whole: Path, folder: Path) -> list[Path]:
    """A capture of the packets from port 25, and one of the others."""
    content = whole.read_bytes()
    header, position = content[:24], 24
    parts = [header, header]
    while position < len(content):
        size = 16 + int.from_bytes(content[position + 8 : position + 12], "little")
        record = content[position : position + size]
        parts[record[50:52] == b"\x00\x19"] += record
        position += size
    paths = [folder / "to.pcap", folder / "from.pcap"]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    return paths


@pytest.mark.parametrize("with_secrets", [False, True])
def test_secrets_are_kept_only_if_asked_for_and_of_the_sessions_alone(
    tmp_path: Path, *, with_secrets: bool
) -> None:
    names = ("smtp-submission-starttls-tls13", "pop3-stls")
    captures, targets = [], tmp_path / "one.pcapng"
    for name in names:
        captures.append(tmp_path / f"{name}.pcapng")
        keys = (DATA / f"{name}.keys").read_bytes()
        captures[-1].write_bytes(
            section()
            + secrets("<", TLS_KEY_LOG, keys)
            + interface()
            + b"".join(enhanced_packet("<", each) for each in read(CAPTURES[name]))
        )
    before = analyzer.analyze(captures)
    assert [row["tls_decrypted"] for row in before.tables["sessions"].to_pylist()] == [
        True,
        True,
    ]
    chosen = {before.tables["sessions"]["session_id"][0].as_py()}

    with targets.open("wb") as file:
        cut_sessions(
            captures,
            before.tables["sessions"],
            chosen,
            file,
            with_secrets=with_secrets,
        )

    after = analyzer.analyze(targets)
    assert (rows(after, chosen) == rows(before, chosen)) is with_secrets
    written = targets.read_bytes()
    kept = [line for name in names for line in lines_of(name) if line in written]
    [row] = after.tables["sessions"].to_pylist()
    name = names[row["protocol"] == "pop3"]
    assert kept == (lines_of(name) if with_secrets else [])


def lines_of(name: str) -> list[bytes]:
    """The secrets in a key log."""
    lines = (DATA / f"{name}.keys").read_bytes().splitlines()
    return [line for line in lines if line and not line.startswith(b"#")]
