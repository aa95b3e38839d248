"""Dovecot: IMAP, POP3, and the passwords that Postfix asks it for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.laboratory.machine import wait_for
from tests.support.laboratory.people import PEOPLE, Person
from tests.support.laboratory.postfix import MAIL_UID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.laboratory.machine import Machine

SETTINGS = """\
protocols = imap pop3 lmtp
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
info_log_path = {folder}/dovecot.log
login_greeting = {greeting}
listen = *, ::
ssl = yes
ssl_cert = <{chain}
ssl_key = <{chain}
ssl_min_protocol = TLSv1
ssl_cipher_list = ALL:!aNULL:!eNULL@SECLEVEL=0
ssl_dh = </usr/share/dovecot/dh.pem
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 apop
auth_failure_delay = 1 secs
mail_plugins = zlib notify mail_log
protocol imap {{
  mail_plugins = $mail_plugins imap_zlib
}}
plugin {{
  mail_log_events = delete expunge append copy mailbox_create flag_change
  mail_log_fields = uid box msgid
}}
mail_location = maildir:{mail}/%n
mail_uid = {uid}
mail_gid = {uid}
first_valid_uid = 1
# one process for all logins, or no TLS session could be resumed
service imap-login {{
  service_count = 0
  process_limit = 1
}}
service pop3-login {{
  service_count = 0
  process_limit = 1
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/passwords
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={mail}/%n
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
    auto = subscribe
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
service auth {{
  unix_listener {folder}/auth-smtp {{
    mode = 0666
  }}
}}
service imap-login {{
  process_min_avail = 1
  inet_listener imap {{
    port = 143
  }}
  inet_listener imap-unusual {{
    port = 10143
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = 24
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@dataclass
class Dovecot:
    """A Dovecot instance on a machine; its mailboxes are maildirs."""

    machine: Machine
    folder: Path
    mail: Path
    chain: Path
    greeting: str = "Dovecot ready."

    @property
    def auth_socket(self) -> Path:
        """Where Postfix asks for passwords."""
        return self.folder / "auth-smtp"

    def start(self) -> None:
        """Write the configuration, start the server and wait for it."""
        for name in ("run", "state"):
            (self.folder / name).mkdir(parents=True)
        passwords = "".join(f"{each.address}:{each.password}\n" for each in PEOPLE)
        (self.folder / "passwords").write_text(passwords)
        configuration = self.folder / "dovecot.conf"
        configuration.write_text(
            SETTINGS.format(
                folder=self.folder,
                mail=self.mail,
                chain=self.chain,
                greeting=self.greeting,
                uid=MAIL_UID,
            )
        )
        self.machine.start("dovecot", "-F", "-c", configuration, log="dovecot.out")
        wait_for(lambda: "starting up" in self.log(), "start of Dovecot")

    def log(self) -> str:
        """Return what the server logged."""
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def fill(self, person: Person, *messages: bytes) -> None:
        """Empty somebody's mailbox, then put messages into the inbox."""
        shutil.rmtree(self.mail / person.user, ignore_errors=True)
        new = self.mail / person.user / "new"
        for folder in (new, new.with_name("cur"), new.with_name("tmp")):
            folder.mkdir(parents=True)
        for number, message in enumerate(messages, 1):
            (new / f"17{number:08}.M1P1.{self.machine.name}").write_bytes(message)
        for path in (new.parent, *new.parent.rglob("*")):
            shutil.chown(path, MAIL_UID, MAIL_UID)
