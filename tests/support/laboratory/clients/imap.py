"""An IMAP client: Python's imaplib, with the commands that it lacks."""

from __future__ import annotations

import hmac
import imaplib
import time
import zlib
from typing import TYPE_CHECKING, Any

from tests.support.laboratory.messages import received_facts
from tests.support.laboratory.people import cram_forms, plain_response

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from tests.support.laboratory.clients.access import Access, Facts

    Action = Callable[["Client", Facts], object]

IMPLICIT = "implicit"
STARTTLS = "starttls"


class Client(imaplib.IMAP4):
    """An imaplib client that connects the way its access says."""

    def __init__(self, access: Access) -> None:
        self.access = access
        super().__init__(access.host, access.port)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        raw = self.access.connect()
        if self.access.tls == IMPLICIT:
            context = self.access.context()
            return context.wrap_socket(raw, server_hostname=self.access.host)
        return raw

    def compress(self) -> None:
        """Go on with COMPRESS=DEFLATE (RFC 4978), which imaplib lacks."""
        self.say(b"z1 COMPRESS DEFLATE")
        _expect(self, b"z1 OK")
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._inflated = bytearray()
        self.send, self.readline, self.read = (  # type: ignore[method-assign]
            self._send_deflated,
            self._read_inflated_line,
            self._read_inflated,
        )

    def _send_deflated(self, data: Any) -> None:
        deflated = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(deflated)

    def _receive_until(self, is_enough: Callable[[], bool]) -> None:
        while not is_enough():
            self._inflated += self._inflate.decompress(self.sock.recv(4096))

    def _read_inflated_line(self) -> bytes:
        self._receive_until(lambda: b"\n" in self._inflated)
        return self._read_inflated(self._inflated.index(b"\n") + 1)

    def _read_inflated(self, size: int) -> bytes:
        self._receive_until(lambda: len(self._inflated) >= size)
        data = bytes(self._inflated[:size])
        del self._inflated[:size]
        return data

    def say(self, line: bytes) -> None:
        """Send a line as it is."""
        self.send(line + b"\r\n")

    def answer(self) -> bytes:
        """Read a line as it is."""
        return self.readline().rstrip(b"\r\n")


def session(access: Access, *actions: Action) -> Facts:
    """Log in, do things, log out."""
    client = Client(access)
    facts = access.facts("imap", client.socket())
    if access.tls == STARTTLS:
        client.starttls(access.context())
    if access.tls != "none":
        access.add_tls_facts(facts, client.socket())
    if access.person is None or _log_in(client, access, facts):
        facts |= {"mailboxes": [], "appended": 0, "fetched": 0, "expunged": 0}
        for action in actions:
            action(client, facts)
    client.logout()
    return facts


def _log_in(client: Client, access: Access, facts: Facts) -> bool:
    assert access.person is not None
    user, password = access.person.address, access.secret
    try:
        if access.mechanism == "PLAIN":
            _authenticate_plain(client, plain_response(user, password))
        elif access.mechanism == "CRAM-MD5":
            _authenticate_cram_md5(client, user, password, facts)
        elif access.mechanism == "literal":
            _log_in_by_literals(client, user.encode(), password.encode())
        else:
            client.login(user, password)
    except imaplib.IMAP4.error:
        access.add_login_facts(facts, _mechanism(access), accepted=False)
        return False
    access.add_login_facts(facts, _mechanism(access), accepted=True)
    return True


def _mechanism(access: Access) -> str:
    return "LOGIN" if access.mechanism in ("", "literal") else access.mechanism


def _authenticate_plain(client: Client, response: str) -> None:
    # RFC 4959: the response rides on the command
    client.say(b"p1 AUTHENTICATE PLAIN " + response.encode())
    _expect(client, b"p1 OK")
    client.state = "AUTH"


def _authenticate_cram_md5(
    client: Client, user: str, password: str, facts: Facts
) -> None:
    def respond(challenge: bytes) -> bytes:
        digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
        response = f"{user} {digest}"
        facts["secrets"] = cram_forms(response)
        return response.encode()

    client.authenticate("CRAM-MD5", respond)


def _log_in_by_literals(client: Client, user: bytes, password: bytes) -> None:
    client.say(b"l1 LOGIN {%d}" % len(user))
    _expect(client, b"+")
    client.say(user + b" {%d}" % len(password))
    _expect(client, b"+")
    client.say(password)
    _expect(client, b"l1 OK")
    client.state = "AUTH"


def _expect(client: Client, start: bytes) -> None:
    while (line := client.answer()).startswith(b"*"):
        pass
    if not line.startswith(start):
        raise imaplib.IMAP4.error(line.decode())


def _done(result: tuple[str, Sequence[object]]) -> Sequence[object]:
    status, data = result
    if status != "OK":
        raise imaplib.IMAP4.error(data)
    return data


def select(mailbox: str, wire_name: str | None = None) -> Action:
    """Select a mailbox; `wire_name` is its name in modified UTF-7."""

    def action(client: Client, facts: Facts) -> None:
        _done(client.select(f'"{wire_name or mailbox}"'))
        facts["mailboxes"].append(mailbox)

    return action


def create(wire_name: str) -> Action:
    """Create a mailbox."""
    return lambda client, _: _done(client.create(f'"{wire_name}"'))


def fetch(
    numbers: str, what: str = "(FLAGS BODY.PEEK[])", *, uid: bool = False
) -> Action:
    """Fetch whole messages."""

    def action(client: Client, facts: Facts) -> None:
        if uid:
            data = _done(client.uid("FETCH", numbers, what))
        else:
            data = _done(client.fetch(numbers, what))
        for part in data:
            if isinstance(part, tuple):
                facts["fetched"] += 1
                facts["messages"].append(received_facts(part[1]))

    return action


def look(numbers: str, what: str) -> Action:
    """Fetch something that is not a whole message."""
    return lambda client, _: _done(client.fetch(numbers, what))


def store(numbers: str, flags: str) -> Action:
    """Add flags to messages."""
    return lambda client, _: _done(client.store(numbers, "+FLAGS", flags))


def expunge() -> Action:
    """Remove the messages that are flagged as deleted."""

    def action(client: Client, facts: Facts) -> None:
        removed = [each for each in _done(client.expunge()) if each]
        facts["expunged"] += len(removed)

    return action


def append(mailbox: str, content: bytes, facts_of_message: Facts) -> Action:
    """Append a message to a mailbox."""

    def action(client: Client, facts: Facts) -> None:
        _done(client.append(f'"{mailbox}"', "\\Seen", None, content))
        facts["appended"] += 1
        facts["messages"].append(facts_of_message)

    return action


def idle(seconds: float) -> Action:
    """Wait for news (RFC 2177) for some seconds."""

    def action(client: Client, _: Facts) -> None:
        client.say(b"i1 IDLE")
        _expect(client, b"+")
        time.sleep(seconds)
        client.say(b"DONE")
        _expect(client, b"i1 OK")

    return action


def compress() -> Action:
    """Compress what follows (RFC 4978)."""

    def action(client: Client, facts: Facts) -> None:
        client.compress()
        facts.setdefault("extensions", []).append("COMPRESS=DEFLATE")

    return action


def say(*lines: bytes, uses: str = "", **counts: int) -> Action:
    """Send lines as they are and wait for the tagged OK of the first.

    Args:
        lines: what is sent; a line behind a synchronizing literal waits for `+`.
        uses: the extension that this is.
        counts: facts that this adds to.
    """

    def action(client: Client, facts: Facts) -> None:
        tag = lines[0].split(b" ")[0]
        for number, line in enumerate(lines):
            client.say(line)
            if number < len(lines) - 1 and line.endswith(b"}") and b"+}" not in line:
                _expect(client, b"+")
        while not (answer := client.answer()).startswith(tag + b" "):
            if answer.endswith(b"}"):
                client.read(int(answer[answer.rindex(b"{") + 1 : -1]))
        if not answer.startswith(tag + b" OK"):
            raise imaplib.IMAP4.error(answer)
        if uses:
            facts.setdefault("extensions", []).append(uses)
        for name, count in counts.items():
            facts[name] = facts.get(name, 0) + count

    return action
