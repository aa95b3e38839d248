"""An SMTP client that says exactly what it is told to, where smtplib is too tame."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tests.support.laboratory.people import GUESSES, base64_of, plain_response

if TYPE_CHECKING:
    from tests.support.laboratory.clients.access import Access, Facts
    from tests.support.laboratory.clients.smtp import Letter


class ScriptedClient:
    """An SMTP client that says exactly what it is told to."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._socket = access.connect()
        self._replies = self._socket.makefile("rb")
        self.facts = access.facts("smtp", self._socket) | {
            "mail_from": [],
            "rcpt_to": [],
            "rcpt_refused": [],
        }
        self.reply()

    def reply(self) -> int:
        """Read one reply and return its code."""
        while (line := self._replies.readline())[3:4] == b"-":
            pass
        return int(line[:3])

    def say(self, *lines: str, content: bytes = b"") -> list[int]:
        """Send lines and content at once, then read a reply for each line."""
        self._socket.sendall(
            "".join(f"{line}\r\n" for line in lines).encode() + content
        )
        return [self.reply() for _ in lines]

    def envelope(self, each: Letter) -> None:
        """Send the envelope of a letter, one command after the other."""
        self.say(f"MAIL FROM:<{each.sender}>")
        self.facts["mail_from"].append(each.sender)
        for recipient in each.recipients:
            (code,) = self.say(f"RCPT TO:<{recipient}>")
            self.facts["rcpt_to"].append(recipient)
            if code >= 400:
                self.facts["rcpt_refused"].append(recipient)

    def deliver(self, each: Letter) -> None:
        """Send a letter's content after DATA was accepted."""
        content = each.message.as_bytes().rstrip(b"\r\n")
        # no line of the lab's letters begins with a dot
        self.say(content=content + b"\r\n.\r\n")
        if self.reply() == 250:
            self.facts["messages"].append(each.facts())

    def protect(self) -> None:
        """Begin TLS, now that the server is ready for it."""
        protected = self._access.context().wrap_socket(
            self._socket, server_hostname=self._access.host
        )
        self._access.add_tls_facts(self.facts, protected)
        self._socket = protected
        self._replies = protected.makefile("rb")

    def close(self) -> Facts:
        """Take leave and return the facts."""
        self.say("QUIT")
        self._socket.close()
        return self.facts


def send_in_chunks(access: Access, size: int, *letters: Letter) -> Facts:
    """Send letters by BDAT (RFC 3030) in chunks of some size."""
    client = ScriptedClient(access)
    client.say(f"EHLO {socket.gethostname()}")
    for each in letters:
        client.envelope(each)
        content = each.message.as_bytes()
        *starts, last = range(0, len(content), size)
        for start in starts:
            client.say(f"BDAT {size}", content=content[start : start + size])
        rest = content[last:]
        if client.say(f"BDAT {len(rest)} LAST", content=rest) == [250]:
            client.facts["messages"].append(each.facts())
    return client.close()


def send_pipelined(access: Access, each: Letter) -> Facts:
    """Send the whole envelope and DATA in one go (RFC 2920)."""
    client = ScriptedClient(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.facts["mail_from"] = [each.sender]
    client.facts["rcpt_to"] = each.recipients
    recipients = [f"RCPT TO:<{address}>" for address in each.recipients]
    _, *codes, start = client.say(f"MAIL FROM:<{each.sender}>", *recipients, "DATA")
    client.facts["rcpt_refused"] = [
        address
        for address, code in zip(each.recipients, codes, strict=True)
        if code >= 400
    ]
    if start == 354:
        client.deliver(each)
    return client.close()


def ask_for_tls(access: Access) -> Facts:
    """Ask for TLS where it will be refused, and go on without."""
    client = ScriptedClient(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.facts["starttls_reply"] = client.say("STARTTLS")[0]
    return client.close()


def send_with_stowaway(access: Access, each: Letter) -> Facts:
    """Send STARTTLS and a command behind it at once; then a letter after TLS."""
    client = ScriptedClient(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.say("STARTTLS", content=b"NOOP stowaway\r\n")
    client.protect()
    client.say(f"EHLO {socket.gethostname()}")
    client.envelope(each)
    client.say("DATA")
    client.deliver(each)
    return client.close()


def send_content(access: Access, each: Letter, content: bytes) -> Facts:
    """Send mail data as it is, and note how many replies it caused."""
    client = ScriptedClient(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.envelope(each)
    client.say("DATA")
    client.say(content=content + b"\r\n.\r\n")
    client.facts["replies_to_content"] = replies = [client.reply()]
    client.say(content=b"QUIT\r\n")
    while (code := client.reply()) != 221:
        replies.append(code)
    return client.facts


def send_pipelined_chunks(access: Access, *letters: Letter) -> Facts:
    """Send each letter in one go: envelope, and the content by BDAT (RFC 3030 §4.2)."""
    client = ScriptedClient(access)
    client.say(f"EHLO {socket.gethostname()}")
    for each in letters:
        content = each.message.as_bytes()
        half = len(content) // 2
        lines = [f"MAIL FROM:<{each.sender}> BODY=8BITMIME"]
        lines += [f"RCPT TO:<{address}> NOTIFY=NEVER" for address in each.recipients]
        chunks = b"BDAT %d\r\n%b" % (half, content[:half])
        chunks += b"BDAT %d LAST\r\n%b" % (len(content) - half, content[half:])
        codes = client.say(*lines, content=chunks)[1:]
        client.facts["mail_from"].append(each.sender)
        client.facts["rcpt_to"] += each.recipients
        client.facts["rcpt_refused"] += [
            address
            for address, code in zip(each.recipients, codes, strict=True)
            if code >= 400
        ]
        if [client.reply(), client.reply()] == [250, 250]:
            client.facts["messages"].append(each.facts())
    client.facts["extensions"] = ["PIPELINING", "CHUNKING", "8BITMIME", "DSN"]
    return client.close()


def log_in_again(access: Access, each: Letter) -> Facts:
    """Cancel a login, fail at one, succeed at another; then send a letter."""
    assert access.person is not None
    user, password = access.person.address, access.person.password
    client = ScriptedClient(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.say("AUTH PLAIN")
    client.say("*")
    client.say(f"AUTH PLAIN {plain_response(user, GUESSES[0])}")
    client.say("AUTH LOGIN")
    client.say(base64_of(user))
    (code,) = client.say(base64_of(password))
    access.add_login_facts(client.facts, "LOGIN", accepted=code == 235)
    client.facts |= {"attempts": 3, "failures": 2}
    client.envelope(each)
    client.say("DATA")
    client.deliver(each)
    return client.close()


def send_for_another(access: Access, each: Letter, **attributes: str) -> Facts:
    """Tell Postfix for whom a letter is passed on (XFORWARD, XCLIENT_README)."""
    client = ScriptedClient(access)
    client.say(f"EHLO {socket.gethostname()}")
    told = [f"{name}={value}" for name, value in attributes.items()]
    client.say("XCLIENT " + " ".join(told))
    client.facts["forwarded"] = told
    client.say(f"EHLO {attributes['HELO']}")
    client.envelope(each)
    client.say("DATA")
    client.deliver(each)
    client.facts["extensions"] = ["XCLIENT"]
    return client.close()


def deliver_locally(access: Access, each: Letter) -> Facts:
    """Hand a letter over by LMTP (RFC 2033), which answers for each recipient."""
    client = ScriptedClient(access)
    client.say(f"LHLO {socket.gethostname()}")
    client.envelope(each)
    client.say("DATA")
    content = each.message.as_bytes().rstrip(b"\r\n")
    client.say(content=content + b"\r\n.\r\n")
    refused = set(client.facts["rcpt_refused"])
    accepted = [address for address in each.recipients if address not in refused]
    client.facts["delivered"] = {address: client.reply() for address in accepted}
    client.facts["messages"].append(each.facts())
    return client.close()
