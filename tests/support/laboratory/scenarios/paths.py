"""Ordinary sessions over lines that lose, reorder, tag, tunnel and fragment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support.laboratory import wire
from tests.support.laboratory.clients import imap, scripted, smtp
from tests.support.laboratory.messages import pdf, png
from tests.support.laboratory.people import INES, TOM, ZOE
from tests.support.laboratory.scenarios.common import fill_inbox, incoming, to_server
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape

DELIVER = "smtplib relays a message with a file to Postfix"
FETCH = "imaplib fetches a message with a file from Dovecot"


def deliver(office: Office, tape: Tape, name: str) -> None:
    """Relay a message from behind the wire."""
    each = incoming(name, TOM, subject="Over a long way", files=(pdf("way.pdf", 3),))
    access = to_server(office, tape, 25)
    tape.add(office.wire.traveller.call(smtp.send, access, each))


def fetch(office: Office, tape: Tape, name: str) -> None:
    """Fetch a message from behind the wire."""
    each = incoming(name, ZOE, subject="Over a long way", files=(png("way.png", 96),))
    fill_inbox(office, ZOE, each)
    access = to_server(office, tape, 143, person=ZOE)
    tape.add(
        office.wire.traveller.call(
            imap.session, access, imap.select("INBOX"), imap.fetch("1:*")
        )
    )


@scenario(
    "smtp-loss",
    DELIVER + " over a line that loses every fifth segment; captured behind the loss",
    "python3",
    "postfix",
)
def loss(office: Office, tape: Tape) -> None:
    with office.wire.effect(wire.losing(5)), tape.recording():
        deliver(office, tape, "loss")


@scenario(
    "smtp-capture-loss",
    DELIVER + "; one in eight of its packets is missing from the capture alone",
    "python3",
    "postfix",
)
def capture_loss(office: Office, tape: Tape) -> None:
    sender = office.wire.traveller.ipv4
    # the sender counts its packets in the identification field; not the SYN
    packets = f"tcp and not (src host {sender} and ip[4:2] & 7 = 7 and ip[2:2] > 600)"
    with office.wire.effect(wire.nothing), tape.recording(packets=packets):
        deliver(office, tape, "capture-loss")


@scenario(
    "imap-reordered",
    FETCH + " over a line that delays every third segment; captured at the client",
    "python3",
    "dovecot-core",
)
def reordered(office: Office, tape: Tape) -> None:
    effect = wire.reordering(3, 0.003)
    traveller = office.wire.traveller
    with office.wire.effect(effect), tape.recording(traveller, interface="eth0"):
        fetch(office, tape, "reordered")


@scenario(
    "smtp-duplicates",
    DELIVER + " over a line that delivers every fourth segment twice",
    "python3",
    "postfix",
)
def duplicates(office: Office, tape: Tape) -> None:
    with office.wire.effect(wire.duplicating(4)), tape.recording():
        deliver(office, tape, "duplicates")


@scenario(
    "imap-long-distance",
    FETCH + " over a line with a round trip of 80 ms",
    "python3",
    "dovecot-core",
)
def long_distance(office: Office, tape: Tape) -> None:
    tape.other["round_trip_s"] = 0.08
    with office.wire.effect(wire.delaying(0.04)), tape.recording():
        fetch(office, tape, "distance")


@scenario(
    "ip-fragments",
    DELIVER + " over a line that cuts its packets into IPv4 fragments",
    "python3",
    "postfix",
)
def fragments(office: Office, tape: Tape) -> None:
    with office.wire.effect(wire.fragmenting(576)), tape.recording(packets="ip"):
        deliver(office, tape, "fragments")


def tunnel_scenario(name: str, tunnel: wire.Tunnel, what: str) -> None:
    """Register a scenario that relays and fetches through a tunnel."""

    @scenario(
        name,
        "smtplib relays a message to Postfix and imaplib fetches one from Dovecot"
        f" through {what}; captured inside",
        "python3",
        "postfix",
        "dovecot-core",
    )
    def tunnelled(office: Office, tape: Tape) -> None:
        with (
            office.wire.tunnel(tunnel) as (machine, interface),
            tape.recording(machine, interface=interface, packets="not arp and not ip6"),
        ):
            deliver(office, tape, name)
            fetch(office, tape, f"{name}-back")


tunnel_scenario("vlan-tagged", wire.VLAN, "a VLAN (802.1Q)")
tunnel_scenario("qinq", wire.QINQ, "two VLANs (802.1ad)")
tunnel_scenario("gre", wire.GRE, "a GRE tunnel over IPv4")
tunnel_scenario("ipip", wire.IPIP, "an IPv4 in IPv4 tunnel")
tunnel_scenario("mpls", wire.MPLS, "MPLS with two labels")
tunnel_scenario("pppoe", wire.PPPOE, "a PPPoE session")


@scenario(
    "vxlan",
    FETCH + " through the kernel's VXLAN (RFC 7348)",
    "python3",
    "dovecot-core",
)
def vxlan(office: Office, tape: Tape) -> None:
    letter = incoming("vxlan", INES, subject="Over another network")
    fill_inbox(office, INES, letter)
    access = to_server(office, tape, 143, person=INES).at(host="198.51.100.201")
    with (
        office.vxlan("198.51.100.201", "198.51.100.202"),
        tape.recording(packets="udp port 4789"),
    ):
        tape.add(
            office.desk.call(
                imap.session, access, imap.select("INBOX"), imap.fetch("1:*")
            )
        )


@scenario(
    "smtp-snaplen",
    DELIVER + "; tcpdump keeps 96 bytes of each packet",
    "python3",
    "postfix",
)
def snap_length(office: Office, tape: Tape) -> None:
    with office.wire.effect(wire.nothing), tape.recording(snap_length=96):
        deliver(office, tape, "snaplen")


@scenario(
    "port-reuse",
    "A client connects twice to Postfix from the same port",
    "postfix",
)
def port_reuse(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 25).at(client_port=40025)
    with tape.recording():
        for number in (1, 2):
            each = incoming(f"reuse-{number}", TOM, subject=f"Same port, {number}")
            tape.add(office.outside.call(scripted.send_in_chunks, access, 2000, each))


@scenario(
    "one-direction-client",
    DELIVER + "; only what the client sends is captured",
    "python3",
    "postfix",
)
def client_only(office: Office, tape: Tape) -> None:
    packets = f"tcp and src host {office.wire.traveller.ipv4}"
    with office.wire.effect(wire.nothing), tape.recording(packets=packets):
        deliver(office, tape, "client-only")


@scenario(
    "one-direction-server",
    DELIVER + "; only what the server sends is captured",
    "python3",
    "postfix",
)
def server_only(office: Office, tape: Tape) -> None:
    packets = f"tcp and dst host {office.wire.traveller.ipv4}"
    with office.wire.effect(wire.nothing), tape.recording(packets=packets):
        deliver(office, tape, "server-only")


@scenario(
    "imap-midstream",
    "imaplib fetches a message from Dovecot; the capture begins after the login",
    "python3",
    "dovecot-core",
)
def midstream(office: Office, tape: Tape) -> None:
    fill_inbox(office, TOM, incoming("midstream", TOM, subject="Late to the party"))
    pending = office.laptop.begin(
        imap.session,
        to_server(office, tape, 143, person=TOM),
        imap.select("INBOX"),
        imap.idle(2),
        imap.fetch("1"),
    )
    time.sleep(0.5)
    with tape.recording():
        tape.add(pending.result())
