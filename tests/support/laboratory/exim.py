"""Exim, with its configuration, spool and log in the lab's folder."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.laboratory.machine import wait_for
from tests.support.laboratory.people import PEOPLE
from tests.support.laboratory.unpacked import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.laboratory.machine import Machine

SETTINGS = """\
spool_directory = {folder}/spool
log_file_path = {folder}/%s.log
pid_file_path = {folder}/exim.pid
primary_hostname = {machine.hostname}
local_interfaces = {machine.ipv4}
daemon_smtp_ports = 25
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
prdr_enable = true
log_selector = +smtp_protocol_error +received_recipients +all_parents
acl_smtp_rcpt = recipient
acl_smtp_vrfy = verify

begin acl
recipient:
  deny local_parts = nobody
       message = no such user here
  accept
verify:
  accept

begin routers
everybody:
  driver = accept
  transport = drop

begin transports
drop:
  driver = appendfile
  file = /dev/null
  user = nobody

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{lookup{{$auth2:$auth3}}lsearch{{{folder}/passwords}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{lookup{{$auth1:$auth2}}lsearch{{{folder}/passwords}}}}
  server_set_id = $auth1
"""

# <= ines@example.com H=... P=esmtpa A=plain:ines@example.com S=... id=... for a b
ARRIVED = re.compile(
    r" <= (?P<sender>\S+) .*?(?: A=(?P<auth>\w+):(?P<user>\S+))?(?: K)? S=\d+"
    r" id=(?P<id>\S+) for (?P<recipients>.+)$"
)


@dataclass
class Exim:
    """An Exim on a machine that takes mail for anybody and drops it."""

    machine: Machine
    folder: Path

    def start(self) -> None:
        """Write the configuration, start the server and wait for its port."""
        program = unpack("exim4", self.folder.parent)
        self.folder.mkdir()
        (self.folder / "spool").mkdir()
        passwords = "".join(f"{each.address}:{each.password}: yes\n" for each in PEOPLE)
        (self.folder / "passwords").write_text(passwords)
        configuration = self.folder / "exim.conf"
        configuration.write_text(
            SETTINGS.format(folder=self.folder, machine=self.machine)
        )
        subprocess.run(
            ["chown", "-R", "Debian-exim", self.folder], check=True, capture_output=True
        )
        subprocess.run(["chown", "root", configuration], check=True)
        self.machine.start(program, "-C", configuration, "-bdf", log="exim.out")
        wait_for(lambda: "daemon started" in self.log(), "start of Exim")

    def log(self) -> str:
        """Return what the server logged."""
        path = self.folder / "main.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def arrivals(self) -> list[dict[str, Any]]:
        """The messages that arrived, as Exim logged them."""
        found = map(ARRIVED.search, self.log().splitlines())
        return [
            {
                "message_id": f"<{each['id']}>",
                "mail_from": "" if each["sender"] == "<>" else each["sender"],
                "rcpt_to": each["recipients"].split(),
                "user": each["user"],
            }
            for each in found
            if each
        ]
