"""The lab's standing installation: an office's mail server and its neighbours."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from tests.support.laboratory.certificates import Authority
from tests.support.laboratory.dovecot import Dovecot
from tests.support.laboratory.network import Network
from tests.support.laboratory.people import DOMAIN, PEOPLE
from tests.support.laboratory.postfix import MAIL_UID, Postfix
from tests.support.laboratory.wire import Effect, Tunnel, forward

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.laboratory.machine import Machine

SASL = "smtpd_sasl_auth_enable=yes"

SERVER_SETTINGS = """\
smtpd_sasl_type = dovecot
smtpd_sasl_path = {socket}
smtpd_tls_mandatory_protocols = >=TLSv1
smtpd_tls_protocols = >=TLSv1
tls_high_cipherlist = ALL:!aNULL:!eNULL@SECLEVEL=0
tls_medium_cipherlist = ALL:!aNULL:!eNULL@SECLEVEL=0
smtpd_tls_mandatory_ciphers = medium
smtpd_authorized_xclient_hosts = 192.0.2.0/24
smtpd_authorized_xforward_hosts = 192.0.2.0/24
"""


class Wire:
    """A traveller's machine, and a long way between it and the office.

    Attributes:
        traveller: the machine at the far end.
    """

    def __init__(self, network: Network, hub: Machine) -> None:
        self.traveller = network.add_machine("traveller", "traveller.example.net")
        self._middle = network.add_machine("middle", "middle.example.net")
        network.join(self.traveller, "eth0", self._middle, "near")
        # room for the headers of tunnels
        self.traveller.ip("link", "set", "eth0", "mtu", "1400")
        network.plug(hub, self._middle, "far")
        network.join(self._middle, "out", self._middle, "in")
        network.name(self.traveller, "eth0", "198.51.100.77")

    @contextlib.contextmanager
    def effect(self, effect: Effect) -> Iterator[None]:
        """Do something to the frames that pass, in both directions."""
        with self._middle.running(
            forward, [("near", "far", effect), ("far", "near", effect)]
        ):
            yield

    @contextlib.contextmanager
    def tunnel(self, tunnel: Tunnel) -> Iterator[tuple[Machine, str]]:
        """Lead the way through a tunnel; give the place where it can be captured."""
        routes = [
            ("near", "out", tunnel.wrap),
            ("out", "near", tunnel.unwrap),
            ("far", "in", tunnel.wrap),
            ("in", "far", tunnel.unwrap),
        ]
        with self._middle.running(forward, routes):
            yield self._middle, "out"


class Office:
    """A mail server, some client machines, and two mail servers outside.

    Attributes:
        network: all machines; close it to end everything.
        server: mail.example.com with Postfix and Dovecot.
        desk, laptop, phone, scanner: machines of the office.
        stranger: a machine outside that has no account.
        wire: a way to the server on which things happen to packets.
        relay_tls, relay_plain: outside mail servers, with and without STARTTLS.
    """

    def __init__(self) -> None:
        self.network = network = Network()
        self.server = hub = network.add_hub(
            "server", "mail.example.com", "192.0.2.10", "2001:db8:2::10"
        )
        self.desk = network.add_client(
            hub, "desk", "desk.example.com", "192.0.2.101", "2001:db8:2::101"
        )
        self.laptop = network.add_client(
            hub, "laptop", "laptop.example.com", "192.0.2.102", "2001:db8:2::102"
        )
        self.phone = network.add_client(
            hub, "phone", "phone.example.com", "192.0.2.103", "2001:db8:2::103"
        )
        self.scanner = network.add_client(
            hub, "scanner", "scanner.example.com", "192.0.2.150"
        )
        self.stranger = network.add_client(
            hub, "stranger", "host-66.example.org", "203.0.113.66"
        )
        self.outside = network.add_client(
            hub, "outside", "mx.example.net", "198.51.100.25", "2001:db8:100::25"
        )
        self.old = network.add_client(hub, "old", "mail.example.org", "203.0.113.25")
        self.wire = Wire(network, hub)
        folder = network.folder
        self.authority = Authority(folder)
        self.mail = folder / "mail"
        self.mail.mkdir()
        shutil.chown(self.mail, MAIL_UID, MAIL_UID)
        chain = self.authority.issue(
            "mail.example.com", "smtp.example.com", "imap.example.com"
        )
        self.dovecot = Dovecot(self.server, folder / "dovecot", self.mail, chain)
        self.postfix = self._server_postfix(chain)
        self.relay_tls = self._outside_postfix(
            self.outside, "example.net", self.authority.issue("mx.example.net")
        )
        self.relay_plain = self._outside_postfix(self.old, "example.org", None)

    @property
    def trusted(self) -> Path:
        """The certificate authority that the clients trust."""
        return self.authority.certificate_path

    def start(self) -> None:
        """Start all servers."""
        self.dovecot.start()
        for postfix in (self.postfix, self.relay_tls, self.relay_plain):
            postfix.start()

    @contextlib.contextmanager
    def vxlan(self, server_address: str, desk_address: str) -> Iterator[None]:
        """Join the server and the desk by a VXLAN of their own."""
        ends = (
            (self.server, Network.BRIDGE, server_address, self.desk),
            (self.desk, "eth0", desk_address, self.server),
        )
        for machine, interface, address, peer in ends:
            machine.ip(
                "link", "add", "vxlan0", "type", "vxlan", "id", "42", "dstport", "4789",
                "local", machine.ipv4, "remote", peer.ipv4, "dev", interface,
            )  # fmt: skip
            machine.ip("link", "set", "vxlan0", "up")
            machine.ip("addr", "add", f"{address}/32", "dev", "vxlan0")
        self.server.ip("route", "add", desk_address, "dev", "vxlan0")
        self.desk.ip("route", "add", server_address, "dev", "vxlan0")
        yield
        for machine, *_ in ends:
            machine.ip("link", "delete", "vxlan0")

    def _server_postfix(self, chain: Path) -> Postfix:
        listeners = []
        for address in ("192.0.2.10", "[2001:db8:2::10]"):
            listeners += [
                f"{address}:25",
                f"{address}:10025",
                f"{address}:587 {SASL}",
                f"{address}:465 {SASL} smtpd_tls_wrappermode=yes",
            ]
        # misconfigured on purpose: STARTTLS is offered, then refused or broken
        listeners.append("192.0.2.10:2525 smtpd_tls_CAfile=/nonexistent.pem")
        listeners.append("192.0.2.10:2526 smtpd_tls_chain_files=/nonexistent.pem")
        return Postfix(
            self.server,
            self.network.folder / "postfix-server",
            self.mail,
            listeners,
            [DOMAIN],
            {person.address: f"{person.user}/" for person in PEOPLE},
            {
                "example.net": "smtp:[mx.example.net]",
                "example.org": "smtp:[mail.example.org]",
            },
            chain,
            settings=SERVER_SETTINGS.format(socket=self.dovecot.auth_socket),
        )

    def _outside_postfix(
        self, machine: Machine, domain: str, chain: Path | None
    ) -> Postfix:
        ipv6 = [f"[{each}]:25" for each in machine.addresses if ":" in each]
        names = ("marta", "jun", "orders", "news")
        return Postfix(
            machine,
            self.network.folder / f"postfix-{domain}",
            self.mail,
            [f"{machine.ipv4}:25", *ipv6, "127.0.0.1:25"],
            [domain],
            {f"{name}@{domain}": f"{name}.{domain}/" for name in names},
            {DOMAIN: "smtp:[mail.example.com]"},
            chain,
            outgoing_tls="may" if chain else "none",
        )
