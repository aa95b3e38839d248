"""SASL authentication exchanges (RFC 4422): mechanism, user and outcome.

The base64 lines of SMTP AUTH (RFC 4954), POP3 AUTH (RFC 5034) and IMAP
AUTHENTICATE (RFC 9051 §6.2.2) go in, one `AuthAttempted` comes out. The identities
(RFC 4422 §2: who authenticates, and whom to act as) are read from PLAIN (RFC 4616),
LOGIN, CRAM-MD5 (RFC 2195), DIGEST-MD5 (RFC 2831), SCRAM (RFC 5802), NTLM, XOAUTH2,
OAUTHBEARER (RFC 7628), OTP (RFC 2444), EXTERNAL and ANONYMOUS. Kerberos and SPNEGO
hide them.

An identity is shown only if the exchange fits its mechanism's grammar (`mechanisms`)
exactly and nothing of it was missed. Passwords, digests and tokens go nowhere but to
`Withheld`, which finds them in what the server repeats. Security layers and the
server's final data are not read. The cost is linear in the lines.
"""

from __future__ import annotations

import binascii
import enum
from typing import TYPE_CHECKING

from dissectors.credentials.mechanisms import (
    PASSWORD,
    find_reader,
    has_mechanism_syntax,
    read_mechanism,
)
from dissectors.credentials.names import MASK, read_name
from dissectors.events import AuthAttempted, Exposure, Outcome

if TYPE_CHECKING:
    from collections.abc import Container

    from dissectors.credentials.withheld import Withheld

# what servers ask for a user name with, in lower case (draft-murchison-sasl-login)
_USER_PROMPTS = (b"user", b"login")
_PASSWORD_PROMPTS = (b"pass",)


class Prompt(enum.Flag):
    """What the server has asked for in the words of LOGIN."""

    USER = enum.auto()
    # perhaps: some servers have words of their own
    PASSWORD = enum.auto()
    # it asked without words
    UNKNOWN = enum.auto()


class SaslExchange:
    """One authentication from the command to its final reply, and beyond.

    Attributes:
        mechanism: name of the mechanism, in upper case; `***` if it is none that is
            known or was offered.
        user: the authentication identity, once the exchange showed it.
        authzid: the authorisation identity, if the client gave one.
        exposure: what crossed so far.
        cancelled: the client gave up with `*` (RFC 4954 §4).
    """

    __slots__ = (
        "_asked_for",
        "_count",
        "_has_gap",
        "_perhaps",
        "_reader",
        "_withheld",
        "authzid",
        "cancelled",
        "exposure",
        "mechanism",
        "user",
    )

    def __init__(
        self, mechanism: bytes, withheld: Withheld, offered: Container[str] = ()
    ) -> None:
        name = read_mechanism(mechanism, offered)
        self.mechanism = name or MASK
        self.user: str | None = None
        self.authzid: str | None = None
        self.exposure = Exposure.NOTHING
        self.cancelled = False
        self._reader = find_reader(name) if name else PASSWORD
        self._withheld = withheld
        self._count = 0
        self._has_gap = False
        self._asked_for = Prompt(0)
        # LOGIN's first response is the user name if that was asked for, if the password
        # was asked for next, or if it was not the last that was sent unasked
        self._perhaps: str | None = None
        if name is None:
            withheld.add_login(mechanism)
            if not has_mechanism_syntax(mechanism) and mechanism:
                self.exposure = Exposure.PASSWORD

    @classmethod
    def of_password(cls, withheld: Withheld) -> SaslExchange:
        """Wait for a password that a command announced and did not bring."""
        exchange = cls(b"PLAIN", withheld)
        exchange._reader = PASSWORD
        return exchange

    @property
    def is_complete(self) -> bool:
        """Whether all has crossed that an eavesdropper can gain."""
        return self._count >= self._reader.responses or self.cancelled

    def receive_initial_response(self, line: bytes) -> None:
        """Read the base64 behind the mechanism; `=` stands for an empty one."""
        if self._reader.is_server_first:
            # it answers nothing: what it is nobody knows
            self.receive_gap()
        self.receive_response(b"" if line.strip() == b"=" else line)

    def receive_challenge(self, line: bytes) -> None:
        """Read the base64 of a challenge, only to see what LOGIN asks for."""
        if self.mechanism != "LOGIN":
            return
        prompt = decode_base64(line[:64]).lower()
        if prompt.startswith(_USER_PROMPTS):
            self._asked_for |= Prompt.USER
        else:
            self._asked_for |= Prompt.PASSWORD if prompt else Prompt.UNKNOWN
        is_next = self._count == 1 and not self._has_gap
        if prompt.startswith(_PASSWORD_PROMPTS) and is_next:
            self.user = self.user or self._perhaps

    def receive_gap(self) -> None:
        """Learn that some of the client's responses may be missing from here on."""
        self._has_gap = True

    def receive_response(self, line: bytes) -> None:
        """Read a line of the client in answer to a challenge."""
        if line.strip() == b"*":
            self.cancelled = True
            return
        # an empty response is a step too: what follows it is not the user of LOGIN
        self._count += 1
        if line.strip():
            if self._count == 1 and len(line.split()) > 1:
                # "AUTH LOGIN user password"
                self._asked_for |= Prompt.PASSWORD
            self._note_exposure()
        if self.user is None and not self._has_gap:
            self._identify(line)
        self._withheld.add_login(line, (self.user, self.authzid))

    def _note_exposure(self) -> None:
        is_password = Prompt.PASSWORD in self._asked_for or self._has_gap
        if self.is_complete or (self.mechanism == "LOGIN" and is_password):
            self.exposure = self._reader.exposure

    def _identify(self, line: bytes) -> None:
        response = _decode_exactly(line)
        if self.mechanism == "LOGIN":
            if self._count == 2 and response and not self._asked_for:
                self.user = self._perhaps
            if self._count > 1 or Prompt.PASSWORD in self._asked_for:
                return
        identity = self._reader.parse(response, self._count)
        name = read_name(identity.user)
        if self.mechanism == "LOGIN" and Prompt.USER not in self._asked_for:
            self._perhaps = name
            return
        self.user = name
        if self.authzid is None and name is not None:
            self.authzid = read_name(identity.authzid)

    def finish(self, outcome: Outcome) -> AuthAttempted:
        """State what is known, when the server has answered or never will."""
        if self.cancelled and outcome is Outcome.UNKNOWN:
            outcome = Outcome.FAILURE
        return AuthAttempted(
            self.mechanism, self.user, outcome, self.exposure, self.authzid
        )


def _decode_exactly(line: bytes) -> bytes:
    """Decode base64 (RFC 4648 §4); nothing if it is anything else."""
    try:
        return binascii.a2b_base64(line.strip(), strict_mode=True)
    except binascii.Error:
        return b""


def decode_base64(line: bytes) -> bytes:
    """Decode base64, or as much of it as is valid."""
    try:
        return binascii.a2b_base64(line)
    except binascii.Error:
        # cut, or without its padding
        digits = line.translate(None, _NO_BASE64)
        if len(digits) % 4 == 1:
            digits = digits[:-1]
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NO_BASE64 = bytes(set(range(256)) - set(_BASE64))
