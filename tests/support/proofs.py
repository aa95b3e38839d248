"""For each rule traffic that proves it, and traffic that is nearly that.

A text is the name of a capture in `tests/data`: traffic of real servers and clients.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cryptography import x509

from tests.support.abuse import ELSEWHERE, OUTSIDE, Dialogue, login, mail
from tests.support.chains.certificates import NOW, YEAR, Plan, key
from tests.support.deliveries import Delivery
from tests.support.starttls import NO_OFFER, agree, begin_tls, log_in
from tests.support.tls.sessions import connection, handshake
from tests.support.tls.wire import (
    handshake_record,
    server_hello_body,
    uint16s,
    vector,
)
from tests.support.traffic import ACK, CLIENT, RST, SERVER, SYN, PacketScript

Traffic = str | Callable[[], Sequence[PacketScript]]

DAY = dt.timedelta(days=1)
DESK = "10.0.0.9"
ROOT = Plan("Root", key("rsa2048", 1), "Root", key("rsa2048", 1))
ROOT.put(x509.BasicConstraints(ca=True, path_length=None), critical=True)


class Proof(NamedTuple):
    """What a rule finds, and what it must not take for that."""

    found: Traffic
    silent: Traffic


def _chain(*, name: str = "mail.example.com", **changes: Any) -> PacketScript:
    """A session whose server shows a certificate, without a fault but for changes."""
    made = {"subject": name, "key": key("rsa2048", 0), "issuer": "Root"}
    plan = Plan(**made | {"signer": ROOT.key} | changes)
    plan.put(x509.SubjectAlternativeName([x509.DNSName(name)]))
    return connection(handshake(plan.make()))


def _suite(suite: int, exchange: bytes = b"") -> PacketScript:
    chosen = handshake_record(2, server_hello_body(0x0303, suite, None))
    return connection(handshake(server_hello=chosen, server_key_exchange=exchange))


def _dhe(bits: int) -> PacketScript:
    prime = ((1 << bits) - 1).to_bytes(bits // 8)
    body = vector(2, prime) + vector(2, b"\2") * 2
    body += uint16s(0x0401) + vector(2, b"signature")
    return _suite(0x009E, handshake_record(12, body))


def _guesses(count: int) -> list[PacketScript]:
    return [login(OUTSIDE, 0.3 * each + 0.05 * (each % 3)) for each in range(count)]


def _by_timer() -> list[PacketScript]:
    return [login(OUTSIDE, 300 * each) for each in range(20)]


def _office_behind_nat() -> Sequence[PacketScript]:
    users = [f"u{each}@example.com" for each in range(12)]
    mistyped = [login(OUTSIDE, 20 * at, user) for at, user in enumerate(users)]
    return mistyped + [
        login(OUTSIDE, 20 * at + 5, user, accepted=True)
        for at, user in enumerate(users)
    ]


def _denied(count: int) -> Sequence[PacketScript]:
    reply = "550 5.1.1 <a>: User unknown"
    named = [f"u{each}@example.com" for each in range(30)]
    replies = [reply] * count + ["250 2.1.5 Ok"] * (30 - count)
    return [mail(OUTSIDE, recipients=named, replies=replies)]


def _to_servers(count: int) -> Sequence[PacketScript]:
    return [
        mail(DESK, recipients=["a@example.org"], seconds=3 * each,
             server_ip=f"198.51.100.{each}")
        for each in range(count)
    ]  # fmt: skip


def _written_to(count: int) -> Sequence[PacketScript]:
    return [mail(DESK, recipients=[f"p{each}@example.org" for each in range(count)])]


def _from_networks(network: str) -> list[PacketScript]:
    return [
        login(network.format(each), 60 * each, accepted=True) for each in range(1, 7)
    ]


def _attached(name: bytes, content: bytes) -> list[PacketScript]:
    part = b"--b\r\nContent-Type: application/octet-stream\r\n"
    part += b"Content-Transfer-Encoding: base64\r\n"
    part += b'Content-Disposition: attachment; filename="%b"\r\n\r\n' % name
    part += base64.b64encode(content) + b"\r\n--b--\r\n"
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return [mail(OUTSIDE, content=head + part)]


def _as(sender: str) -> list[PacketScript]:
    at_home = login(ELSEWHERE, 0, accepted=True)
    return [at_home, mail(OUTSIDE, sender, ["ann@example.com"], seconds=60)]


def _said(line: bytes, answer: bytes) -> list[PacketScript]:
    dialogue = Dialogue(OUTSIDE, 25).server(b"220 mx ESMTP\r\n")
    return [dialogue.client(line).server(answer).close()]


def _sent(content: bytes, *answers: bytes) -> list[PacketScript]:
    script = Delivery().sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n").client(content + b"\r\n.\r\n")
    return [script.server(b"".join(answers)).client(b"QUIT\r\n").server(b"221 bye\r\n")]


def _waiting(*phases: int) -> list[PacketScript]:
    return [
        Delivery(at, banner_ms=wait_ms).sender().recipient("250 ok").message("250 ok")
        for at, wait_ms in enumerate(phases)
    ]


def _paused(wait_ms: int) -> list[PacketScript]:
    script = Delivery().sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n").client(b"Subject: a\r\n\r\n")
    return [script.wait(wait_ms).client(b"a\r\n.\r\n").server(b"250 ok\r\n")]


def _attempts(*, refused: bool) -> list[PacketScript]:
    scripts = []
    for each in range(3):
        script = PacketScript(
            25, client_port=40_000 + each, start_ms=10 * each, handshake=False
        ).send(CLIENT, flags=SYN)
        if refused:
            script.send(SERVER, flags=RST | ACK)
        else:
            script.send(SERVER, flags=SYN | ACK).server(b"220 mx\r\n")
        scripts.append(script)
    return scripts


def _answer(reply: str) -> list[PacketScript]:
    return [Delivery().sender().recipient(reply)]


def _injected(*, early: bool) -> list[PacketScript]:
    return [begin_tls(agree().server(b"250 SIZE\r\n") if early else agree()).close()]


_SMUGGLED = b"a\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nb"

PROOFS = {
    "plaintext-password": Proof("pop3-user-pass", "pop3-apop"),
    "plaintext-challenge": Proof("pop3-apop", "pop3-user-pass"),
    "plaintext-login-offered": Proof("imap-login-plain", "smtp-relay-plain"),
    "plaintext-submission": Proof("smtp-auth-cram-md5", "smtp-relay-plain"),
    "plaintext-access": Proof("imap-login-plain", "pop3-stls"),
    "plaintext-relay": Proof("smtp-relay-plain", "smtp-relay-starttls"),
    "starttls-unused": Proof("imap-login-plain", "imap-starttls"),
    "password-guessing": Proof("smtp-password-guessing", _by_timer),
    "password-spraying": Proof("imap-password-spraying", _office_behind_nat),
    "login-after-guessing": Proof(
        "smtp-password-guessing",
        lambda: [*_guesses(3), login(OUTSIDE, 9, accepted=True)],
    ),
    "open-relay": Proof("smtp-open-relay", "smtp-refusals"),
    "relay-probing": Proof("smtp-open-relay", "smtp-refusals"),
    "address-enumeration": Proof(lambda: _denied(25), lambda: _denied(5)),
    "direct-to-mx": Proof(lambda: _to_servers(12), lambda: _to_servers(5)),
    "mass-mailing": Proof(lambda: _written_to(100), lambda: _written_to(30)),
    "account-shared": Proof(
        lambda: _from_networks("203.0.{}.1"), lambda: _from_networks("203.0.113.{}")
    ),
    "dangerous-attachment": Proof(
        lambda: _attached(b"a.pdf.exe", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"),
        lambda: _attached(b"a.txt", b"MZ is how that begins\r\n" * 9),
    ),
    "sender-forgery": Proof(lambda: _as("ben@example.com"), lambda: _as("a@b.example")),
    "unusual-port": Proof("unusual-port", "lmtp-dovecot"),
    "not-mail-on-mail-port": Proof(
        lambda: _said(b"SSH-2.0-Go\r\n", b"500 5.5.2 What?\r\n"),
        lambda: _said(b"VRFY ann\r\n", b"502 5.5.1 No\r\n"),
    ),
    "starttls-stripped": Proof(
        "smtp-starttls-stripped", lambda: [log_in(NO_OFFER), log_in(NO_OFFER, b"pc")]
    ),
    "starttls-refused": Proof("smtp-starttls-refused", "smtp-relay-starttls"),
    "starttls-command-injection": Proof(
        "smtp-starttls-injected", "smtp-submission-starttls-tls13"
    ),
    "starttls-response-injection": Proof(
        "smtp-starttls-response-injected", lambda: _injected(early=False)
    ),
    "starttls-abandoned": Proof("smtp-starttls-abandoned", "smtp-starttls-failed"),
    "imap-preauth": Proof("imap-courier-preauth", "imap-login-plain"),
    "smtp-smuggling": Proof(
        "smtp-smuggling",
        lambda: _sent(_SMUGGLED.replace(b"\n.", b"\n>"), b"250 queued\r\n"),
    ),
    "smtp-bare-line-end": Proof("smtp-smuggling", "smtp-two-messages"),
    "smtp-early-talker": Proof("smtp-http-request", "smtp-implicit-tls"),
    "smtp-unauthorised-pipelining": Proof(
        "smtp-aiosmtpd", "smtp-pipelining-refused-recipients"
    ),
    "cross-protocol": Proof(
        "smtp-http-request",
        lambda: _sent(b"GET / HTTP/1.1\r\nHost: a\r\n", b"250 queued\r\n"),
    ),
    "delivery-refused": Proof("lmtp-aiosmtpd", "smtp-relay-plain"),
    "greylisted": Proof(
        "smtp-refusals", lambda: _answer("450 4.7.1 Client host rejected: no name")
    ),
    "mailbox-full": Proof("lmtp-aiosmtpd", lambda: _answer("452 4.3.1 disk is full")),
    "message-too-large": Proof("smtp-refusals", "smtp-two-messages"),
    "rate-limited": Proof("smtp-refusals", lambda: _answer("450 4.2.0 Greylisted")),
    "tls-obsolete-version": Proof("tls10", "smtp-submission-starttls-tls12"),
    "tls-weak-cipher": Proof(lambda: [_suite(0xC011)], lambda: [_suite(0xC02F)]),
    "tls-no-forward-secrecy": Proof(lambda: [_suite(0x002F)], lambda: [_suite(0xC02F)]),
    "tls-weak-key": Proof(lambda: [_dhe(1024)], lambda: [_dhe(2048)]),
    "tls-weak-signature": Proof(
        lambda: [_chain(digest="sha1")], lambda: [_chain(digest="sha256")]
    ),
    "tls-handshake-failed": Proof("imap-untrusted-certificate", "imap-starttls"),
    "tls-not-post-quantum": Proof("imap-implicit-tls", "imap-login-plain"),
    "cert-expired": Proof(
        lambda: [_chain(begins=NOW - YEAR, ends=NOW - DAY)],
        lambda: [_chain(ends=NOW + DAY)],
    ),
    "cert-expiring": Proof(
        lambda: [_chain(ends=NOW + 20 * DAY)], lambda: [_chain(ends=NOW + 40 * DAY)]
    ),
    "cert-not-yet-valid": Proof(
        lambda: [_chain(begins=NOW + DAY, ends=NOW + YEAR)],
        lambda: [_chain(begins=NOW - DAY, ends=NOW + YEAR)],
    ),
    "cert-self-signed": Proof(
        lambda: [_chain(issuer="mail.example.com", signer=key("rsa2048", 0))],
        lambda: [_chain()],
    ),
    "cert-untrusted": Proof("imap-starttls", lambda: [_chain()]),
    "cert-name-mismatch": Proof(
        lambda: [_chain(name="www.example.com")], lambda: [_chain()]
    ),
    "slow-phase": Proof(
        lambda: _waiting(12_000, 12_000, 12_000), lambda: _waiting(12_000, 0, 0, 0, 0)
    ),
    "stalled-transfer": Proof(lambda: _paused(120_000), lambda: _paused(2000)),
    "connection-refused": Proof(
        lambda: _attempts(refused=True), lambda: _attempts(refused=False)
    ),
    "capture-incomplete": Proof("smtp-capture-loss", "smtp-duplicates"),
}
