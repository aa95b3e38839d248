"""A POP3 client: Python's poplib."""

from __future__ import annotations

import hashlib
import poplib
from typing import TYPE_CHECKING, Any

from tests.support.laboratory.messages import received_facts
from tests.support.laboratory.people import plain_response

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection

    from tests.support.laboratory.clients.access import Access, Facts

IMPLICIT = "implicit"
STARTTLS = "starttls"


class _Client(poplib.POP3):
    """A poplib client that connects the way its access says."""

    def __init__(self, access: Access) -> None:
        self.access = access
        super().__init__(access.host, access.port)

    def _create_socket(self, timeout: Any) -> socket.socket:
        raw = self.access.connect()
        if self.access.tls == IMPLICIT:
            context = self.access.context()
            return context.wrap_socket(raw, server_hostname=self.access.host)
        return raw


def session(
    access: Access, delete: Collection[int] = (), *, retrieve: bool = True
) -> Facts:
    """Log in, retrieve all messages, delete some, quit."""
    client = _Client(access)
    facts = access.facts("pop3", client.sock)
    client.capa()
    if access.tls == STARTTLS:
        client.stls(access.context())
    if access.tls != "none":
        access.add_tls_facts(facts, client.sock)
    if _log_in(client, access, facts):
        facts |= {"retrieved": 0, "deleted": 0}
        count, _ = client.stat()
        client.list()
        client.uidl()
        for number in range(1, count + 1) if retrieve else ():
            _, lines, _ = client.retr(number)
            facts["retrieved"] += 1
            facts["messages"].append(received_facts(b"\r\n".join([*lines, b""])))
        for number in delete:
            client.dele(number)
            facts["deleted"] += 1
    client.quit()
    return facts


def _log_in(client: _Client, access: Access, facts: Facts) -> bool:
    assert access.person is not None
    user, password = access.person.address, access.secret
    mechanism = access.mechanism or "USER"
    try:
        if mechanism == "APOP":
            client.apop(user, password)
            facts["secrets"] = [_digest(client.welcome, password)]
        elif mechanism == "PLAIN":
            # RFC 5034: the response rides on the command
            client.sock.sendall(
                f"AUTH PLAIN {plain_response(user, password)}\r\n".encode()
            )
            _expect_ok(client)
        else:
            client.user(user)
            client.pass_(password)
    except poplib.error_proto:
        access.add_login_facts(facts, mechanism, accepted=False)
        return False
    access.add_login_facts(facts, mechanism, accepted=True)
    return True


def _expect_ok(client: _Client) -> None:
    line = client.file.readline()
    if not line.startswith(b"+OK"):
        raise poplib.error_proto(line)


def _digest(welcome: bytes, password: str) -> str:
    """Return the digest that APOP sends (RFC 1939 §7)."""
    timestamp = welcome[welcome.index(b"<") : welcome.index(b">") + 1]
    return hashlib.md5(timestamp + password.encode()).hexdigest()


def look_and_leave(access: Access, *, delete: int, politely: bool) -> Facts:
    """Look at the tops of all messages and delete one; quit, or just go away.

    RFC 1939 §6: without QUIT nothing is deleted.
    """
    client = _Client(access)
    facts = access.facts("pop3", client.sock)
    client.capa()
    assert _log_in(client, access, facts)
    count, _ = client.stat()
    client.uidl()
    for number in range(1, count + 1):
        _, lines, _ = client.top(number, 0)
        seen = received_facts(b"\r\n".join([*lines, b""]))
        facts["messages"].append(
            {key: seen[key] for key in ("message_id", "subject", "from")}
        )
    client.dele(delete)
    facts |= {"retrieved": 0, "headers": count, "available": count}
    facts |= {"deleted": 1 if politely else 0, "extensions": ["TOP", "UIDL"]}
    facts["state"] = "update" if politely else "transaction"
    if politely:
        client.quit()
        facts["left"] = count - 1
    else:
        client.sock.close()
        client.file.close()
    return facts
