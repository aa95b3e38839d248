"""Clients that copy a mailbox: fetchmail and mbsync."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.laboratory.messages import received_facts

if TYPE_CHECKING:
    from tests.support.laboratory.clients.access import Access, Facts
    from tests.support.laboratory.machine import Machine

FETCHMAIL_SETTINGS = """\
poll {access.host} service {access.port} protocol pop3 auth password
  user "{access.person.address}" password "{access.secret}"
  sslproto ""
  mda "cat > {folder}/$$.eml"
"""

MBSYNC_SETTINGS = """\
IMAPStore far
Host {access.host}
Port {access.port}
User {access.person.address}
Pass "{access.secret}"
SSLType None
AuthMechs {access.mechanism}

MaildirStore near
Inbox {folder}/inbox
Path {folder}/boxes/
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Sync Pull
SyncState *
"""


def _facts(access: Access, protocol: str, mechanism: str, found: list[Path]) -> Facts:
    assert access.person is not None
    # delivered in the order of the names, which hold a count or a process id
    return {
        "protocol": protocol,
        "port": access.port,
        "tls": access.tls,
        "mechanism": mechanism,
        "user": access.person.address,
        "auth_result": "success",
        "messages": [received_facts(path.read_bytes()) for path in sorted(found)],
    }


@dataclass(frozen=True, slots=True)
class Fetchmail:
    """fetchmail, which delivers into files."""

    access: Access

    def collect(self, machine: Machine, *options: str) -> Facts:
        """Collect a maildrop; whatever was retrieved was also delivered."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            settings = folder / "fetchmailrc"
            settings.write_text(
                FETCHMAIL_SETTINGS.format(access=self.access, folder=folder)
            )
            settings.chmod(0o600)
            machine.run(
                "fetchmail", "--fetchmailrc", settings, "--pidfile", folder / "pid",
                *options, environment={"FETCHMAILHOME": name},
            )  # fmt: skip
            facts = _facts(self.access, "pop3", "USER", list(folder.glob("*.eml")))
        deleted = 0 if "--keep" in options else len(facts["messages"])
        return facts | {"retrieved": len(facts["messages"]), "deleted": deleted}


@dataclass(frozen=True, slots=True)
class Mbsync:
    """mbsync of the isync package."""

    access: Access

    def pull(self, machine: Machine) -> Facts:
        """Copy all mailboxes to a maildir."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "boxes").mkdir()
            settings = folder / "mbsyncrc"
            settings.write_text(
                MBSYNC_SETTINGS.format(access=self.access, folder=folder)
            )
            machine.run("mbsync", "--config", settings, "--all")
            boxes = sorted(path.name for path in (folder / "boxes").iterdir())
            delivered = [path for path in folder.rglob("new/*") if path.is_file()]
            facts = _facts(self.access, "imap", self.access.mechanism, delivered)
        fetched = len(facts["messages"])
        return facts | {"mailboxes": ["INBOX", *boxes], "fetched": fetched}
