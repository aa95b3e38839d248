"""Postfix, with its configuration, queue and log in the lab's folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.laboratory.machine import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.laboratory.machine import Machine

# nobody and nogroup: who owns the mailboxes
MAIL_UID = 65534

SETTINGS = """\
compatibility_level = 3.6
config_directory = {folder}
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/mail.log
myhostname = {machine.hostname}
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = all
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = {outgoing_tls}
smtp_tls_loglevel = 1
smtpd_tls_security_level = {incoming_tls}
smtpd_tls_chain_files = {chain}
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
alias_maps =
local_recipient_maps =
transport_maps = inline:{{ {transports} }}
virtual_mailbox_domains = {domains}
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_mailbox_base = {mail}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 100
smtpd_relay_restrictions =
    permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_restriction_classes = after_a_pause
after_a_pause = sleep 2
smtpd_recipient_restrictions =
    check_sender_access inline:{{ {{ slow@example.net = after_a_pause }} }},
    reject_unlisted_recipient
"""

SERVICES = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

TLS_ESTABLISHED = re.compile(
    r"postfix/smtp\[(?P<process>\d+)\]: \w+ TLS connection established to"
    r" [^[]+\[(?P<address>[^]]+)\]:\d+: (?P<version>\S+) with cipher (?P<cipher>\S+)"
)
FROM = re.compile(r" from=<(?P<sender>[^>]*)>")
RELAYED = re.compile(
    r"postfix/smtp\[(?P<process>\d+)\]: \w+: to=<(?P<recipient>[^>]*)>,"
    r" relay=[^[]+\[(?P<address>[^]]+)\]:(?P<port>\d+),.* status=(?P<status>\w+)"
)


@dataclass
class Postfix:
    """A Postfix instance on a machine.

    Attributes:
        listeners: lines of `master.cf` for its ports, as `address:port option...`.
        domains: the domains it takes mail for.
        mailboxes: mailbox file or folder by address.
        routes: host to hand mail of other domains to, by domain.
        chain: PEM file of its key and certificates; none for a server without TLS.
        outgoing_tls: `may` uses STARTTLS where it is offered, `none` never.
        settings: more lines of `main.cf`.
    """

    machine: Machine
    folder: Path
    mail: Path
    listeners: list[str]
    domains: list[str]
    mailboxes: dict[str, str]
    routes: dict[str, str] = field(default_factory=dict)
    chain: Path | None = None
    outgoing_tls: str = "may"
    settings: str = ""

    def start(self) -> None:
        """Write the configuration, start the server and wait for its ports."""
        for name in ("spool", "data"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "data").chmod(0o755)
        self.machine.run("chown", "postfix", self.folder / "data")
        settings = SETTINGS.format(
            folder=self.folder,
            machine=self.machine,
            outgoing_tls=self.outgoing_tls,
            incoming_tls="may" if self.chain else "none",
            chain=self.chain or "",
            domains=", ".join(self.domains),
            mailboxes=_inline(self.mailboxes),
            transports=_inline(self.routes),
            mail=self.mail,
            uid=MAIL_UID,
        )
        (self.folder / "main.cf").write_text(settings + self.settings)
        services = SERVICES
        for listener in self.listeners:
            address, *options = listener.split()
            services += f"{address} inet n - n - - smtpd\n"
            services += "".join(f"  -o {option}\n" for option in options)
        (self.folder / "master.cf").write_text(services)
        # its master process detaches itself, so it is ended by its own means
        self.machine.at_close(self.stop)
        self.machine.start(
            "postfix", "-c", self.folder, "start-fg",
            log=f"postfix-{self.machine.name}.log",
        )  # fmt: skip
        wait_for(lambda: "daemon started" in self.log(), "start of Postfix")

    def stop(self) -> None:
        """End the server and wait until it is gone."""
        self.machine.run("postfix", "-c", self.folder, "stop", check=False)

    def set(self, *settings: str) -> None:
        """Change lines of `main.cf`, for connections from now on."""
        self.machine.run("postconf", "-c", self.folder, "-e", *settings)
        self.machine.run("postfix", "-c", self.folder, "reload")

    def log(self) -> str:
        """Return what the server logged."""
        path = self.folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_until_sent(self, message_id: str) -> list[dict[str, Any]]:
        """Wait until a message left the queue; return the relay connections' facts."""

        def queue_id() -> str | None:
            found = re.search(rf"(\w+): message-id={re.escape(message_id)}", self.log())
            return found and found[1]

        wait_for(lambda: queue_id() is not None, f"{message_id} in the queue")
        number = queue_id()
        wait_for(lambda: f"{number}: removed" in self.log(), f"{message_id} sent")
        return self._relay_facts(f"{number}: ")

    def _relay_facts(self, queue_id: str) -> list[dict[str, Any]]:
        """Return the facts of the connections that relayed a message, from the log."""
        connections: dict[str, dict[str, Any]] = {}
        established: dict[tuple[str, str], tuple[str, str]] = {}
        sender = ""
        for line in self.log().splitlines():
            if found := TLS_ESTABLISHED.search(line):
                peer = found["process"], found["address"]
                established[peer] = found["version"], found["cipher"]
            if queue_id in line and (found := FROM.search(line)):
                sender = found["sender"]
            if queue_id not in line or not (found := RELAYED.search(line)):
                continue
            facts = connections.setdefault(
                found["address"],
                {
                    "protocol": "smtp",
                    "server": found["address"],
                    "port": int(found["port"]),
                    "tls": "none",
                    "mail_from": [sender],
                    "rcpt_to": [],
                    "rcpt_refused": [],
                },
            )
            facts["rcpt_to"].append(found["recipient"])
            if found["status"] != "sent":
                facts["rcpt_refused"].append(found["recipient"])
            if tls := established.get((found["process"], found["address"])):
                facts["tls"] = "starttls"
                facts["tls_version"], facts["tls_cipher"] = tls
        return list(connections.values())


def _inline(table: dict[str, str]) -> str:
    return ", ".join(f"{{ {key} = {value} }}" for key, value in table.items())
