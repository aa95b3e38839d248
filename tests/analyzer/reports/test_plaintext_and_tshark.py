"""The figures of the plaintext report, counted again from what tshark decodes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from analyzer import reports
from tests.support.analyses import CAPTURES, analysis_of
from tests.support.tshark import decode_each

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.tshark import Packet

MAIL_PORTS = {24, 25, 110, 143, 465, 587, 993, 995, 2525, 2526, 10025, 10143}
FIELDS = (
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tls.handshake.type",
    "tls.alert_message.desc",
    "smtp.auth.password",
    "smtp.req.parameter",
    "imap.request",
    "pop.request.command",
    "pop.request.parameter",
)
CLIENT_HELLO, SERVER_HELLO = "1", "2"

Port = tuple[str, str, int]


class Count(NamedTuple):
    """Connections of one port of one server in one capture."""

    said_something: int
    plaintext: int
    starttls: int
    implicit: int
    failed: int
    logins: int


@dataclass
class Connection:
    """What tshark shows of the payload of a connection."""

    server: tuple[str, int]
    starts_with_tls: bool
    handshakes: set[str] = field(default_factory=set)
    has_alert: bool = False
    has_login: bool = False

    def kind(self) -> str:
        if CLIENT_HELLO not in self.handshakes:
            return "plaintext"
        if self.has_alert or SERVER_HELLO not in self.handshakes:
            return "failed"
        return "implicit" if self.starts_with_tls else "starttls"


def shows_password(packet: Packet) -> bool:
    """Whether this packet completes a login that an eavesdropper can read."""
    imap = [line.split(" ")[1:3] for line in packet["imap.request"]]
    sasl_plain = [
        parameter.upper().split(" ")[0] == "PLAIN" and " " in parameter
        for parameter in (
            *packet["smtp.req.parameter"],
            *packet["pop.request.parameter"],
        )
    ]
    return (
        any(sasl_plain)
        or bool(packet["smtp.auth.password"])
        or "PASS" in packet["pop.request.command"]
        or any(words[:1] == ["LOGIN"] for words in imap)
        or ["AUTHENTICATE", "PLAIN"] in imap
    )


def ends(packet: Packet) -> Iterator[tuple[str, int]]:
    """Both ends of a packet; of several IP headers, the last is the mail's."""
    for side in ("src", "dst"):
        address = (packet[f"ipv6.{side}"] or packet[f"ip.{side}"])[-1]
        yield address, int(packet[f"tcp.{side}port"][0])


def connections(packets: Iterable[Packet]) -> Iterable[Connection]:
    """The connections to mail ports."""
    found: dict[str, Connection] = {}
    for packet in packets:
        servers = [end for end in ends(packet) if end[1] in MAIL_PORTS]
        if not servers:
            continue
        [stream] = packet["tcp.stream"]
        handshakes = set(packet["tls.handshake.type"])
        connection = found.setdefault(
            stream, Connection(servers[0], CLIENT_HELLO in handshakes)
        )
        connection.handshakes |= handshakes
        connection.has_alert |= bool(packet["tls.alert_message.desc"])
        connection.has_login |= shows_password(packet)
    return found.values()


def count_with_tshark() -> dict[Port, Count]:
    """Count the connections of each port of all captures."""
    kinds: defaultdict[Port, Counter[str]] = defaultdict(Counter)
    for name, packets in decode_each(CAPTURES, FIELDS).items():
        for connection in connections(packets):
            told = kinds[name, *connection.server]
            told.update(("all", connection.kind()))
            told["logins"] += connection.has_login
    return {
        port: Count(
            *(told[each] for each in ("all", "plaintext", "starttls", "implicit")),
            *(told[each] for each in ("failed", "logins")),
        )
        for port, told in kinds.items()
    }


def count_with_mailtap(name: str) -> dict[Port, Count]:
    """The same figures as the report has them; roles don't matter here."""
    sessions = analysis_of(name).sessions
    server = ["server_ip", "server_port"]
    exposing = sessions.groupby(server)["credentials_exposed"].sum()
    ports = reports.plaintext_ports(sessions)
    summed = ports.groupby(server).sum(numeric_only=True)
    return {
        (name, row["server_ip"], row["server_port"]): Count(
            row["sessions"] - row["unknown"],
            row["plaintext"],
            row["starttls"],
            row["implicit"],
            row["failed"],
            exposing[row["server_ip"], row["server_port"]],
        )
        for row in summed.reset_index().to_dict("records")
    }


def test_figures_are_those_that_tshark_gives() -> None:
    expected = count_with_tshark()
    found: dict[Port, Count] = {}
    for name in CAPTURES:
        found |= count_with_mailtap(name)

    assert found == expected
    # so that an empty count proves nothing
    total = Count(*map(sum, zip(*expected.values(), strict=True)))
    assert total.said_something > 100
    assert all(each > 1 for each in total)
