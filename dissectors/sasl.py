"""SASL authentication exchanges (RFC 4422): mechanism, user and outcome.

The base64 lines of SMTP AUTH (RFC 4954), POP3 AUTH (RFC 5034) and IMAP
AUTHENTICATE (RFC 9051 §6.2.2) go in, one `AuthAttempted` comes out. The user is
read from PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), DIGEST-MD5 (RFC 2831),
SCRAM (RFC 5802), NTLM, XOAUTH2, OAUTHBEARER (RFC 7628), EXTERNAL and ANONYMOUS.

Passwords, digests and tokens are dropped where they are parsed: an exchange
keeps nothing but the user name. Security layers and the server's final data are
not read. The cost is linear in the lines.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

from dissectors.events import AuthAttempted, Exposure, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

# longest user name that is kept, in bytes
MAX_USER_BYTES = 1024
# RFC 4422 §3.1: 1 to 20 letters, digits, hyphens and underscores; be lenient
MAX_MECHANISM_BYTES = 64


class SaslExchange:
    """One authentication from the command to its final reply.

    Attributes:
        mechanism: name of the mechanism, in upper case.
        user: the identity, once a response showed it.
        cancelled: the client gave up with `*` (RFC 4954 §4).
    """

    __slots__ = (
        "_asked_for_password",
        "_count",
        "_exposure",
        "_reader",
        "cancelled",
        "mechanism",
        "user",
    )

    def __init__(self, mechanism: bytes | str) -> None:
        if isinstance(mechanism, bytes):
            mechanism = mechanism[:MAX_MECHANISM_BYTES].decode("ascii", "replace")
        self.mechanism = mechanism.upper()
        self.user: str | None = None
        self.cancelled = False
        self._reader = _find_reader(self.mechanism)
        self._count = 0
        self._exposure = Exposure.NOTHING
        self._asked_for_password = False

    def receive_initial_response(self, line: bytes) -> None:
        """Read the base64 behind the mechanism; `=` stands for an empty one."""
        self.receive_response(b"" if line.strip() == b"=" else line)

    def receive_challenge(self, line: bytes) -> None:
        """Read the base64 of a challenge, only to see what LOGIN asks for."""
        if self.mechanism == "LOGIN":
            prompt = decode_base64(line[:64]).lower()
            self._asked_for_password = prompt.startswith(b"pass")

    def receive_response(self, line: bytes) -> None:
        """Read a line of the client in answer to a challenge."""
        if line.strip() == b"*":
            self.cancelled = True
            return
        # an empty response is a step too: what follows it is not the user of LOGIN
        self._count += 1
        if self._count >= self._reader.responses and line.strip():
            self._exposure = self._reader.exposure
        if self.user is None and not self._asked_for_password:
            user = self._reader.parse_user(decode_base64(line), self._count)
            if user:
                self.user = user[:MAX_USER_BYTES].decode("utf-8", "backslashreplace")

    def finish(self, outcome: Outcome) -> AuthAttempted:
        """State what is known, when the server has answered or never will."""
        if self.cancelled and outcome is Outcome.UNKNOWN:
            outcome = Outcome.FAILURE
        return AuthAttempted(self.mechanism, self.user, outcome, self._exposure)


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


def _parse_plain(response: bytes, _number: int) -> bytes | None:
    # RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
    parts = response.split(b"\0", 2)
    if len(parts) == 1:
        return None
    authzid, authcid = parts[:2]
    return (authcid if len(parts) == 3 else authzid) or authzid


def _parse_login(response: bytes, number: int) -> bytes | None:
    # draft-murchison-sasl-login: the user name, then the password
    return response if number == 1 else None


def _parse_cram_md5(response: bytes, _number: int) -> bytes | None:
    # RFC 2195 §2: the user name, a space, and a digest; names may hold spaces
    return response.rpartition(b" ")[0]


# RFC 2831 §2.1.2: username = "username" "=" <"> username-value <">
_DIGEST_USER = re.compile(rb'\busername="', re.IGNORECASE)
_QUOTED = re.compile(rb'((?:\\.|[^"\\])*+)"', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)


def _parse_digest_md5(response: bytes, _number: int) -> bytes | None:
    start = _DIGEST_USER.search(response)
    value = _QUOTED.match(response, start.end()) if start else None
    return _QUOTED_PAIR.sub(rb"\1", value[1]) if value else None


# RFC 5802 §7: client-first-message = gs2-header [reserved-mext ","] username ...
_SCRAM_USER = re.compile(rb"[^,]*,[^,]*,(?:m=[^,]*,)?n=([^,]*)")


def _parse_scram(response: bytes, _number: int) -> bytes | None:
    match = _SCRAM_USER.match(response)
    return match[1].replace(b"=2C", b",").replace(b"=3D", b"=") if match else None


def _parse_ntlm(response: bytes, _number: int) -> bytes | None:
    # MS-NLMP §2.2.1.3: AUTHENTICATE_MESSAGE with UserNameFields at 36
    if response[:12] != b"NTLMSSP\0\x03\0\0\0" or len(response) < 44:
        return None
    length = int.from_bytes(response[36:38], "little")
    offset = int.from_bytes(response[40:44], "little")
    user = response[offset : offset + length]
    # §2.2.2.5: NTLMSSP_NEGOTIATE_UNICODE is the lowest flag
    if len(response) >= 64 and not response[60] & 1:
        return user
    return user.decode("utf-16-le", "replace").encode()


def _parse_xoauth2(response: bytes, _number: int) -> bytes | None:
    # Google and Microsoft: "user=" name ^A "auth=Bearer " token ^A ^A
    for field in response.split(b"\x01", 2)[:2]:
        if field.startswith(b"user="):
            return field[5:]
    return None


def _parse_oauthbearer(response: bytes, _number: int) -> bytes | None:
    # RFC 7628 §3.1: the GS2 header n,a=user, comes first
    fields = response.partition(b"\x01")[0].split(b",", 2)
    authzid = fields[1] if len(fields) > 1 else b""
    return authzid[2:] if authzid.startswith(b"a=") else None


def _parse_whole(response: bytes, number: int) -> bytes | None:
    # RFC 4422 appendix A (EXTERNAL), RFC 4505 §2 (ANONYMOUS)
    return response if number == 1 else None


def _parse_nothing(_response: bytes, _number: int) -> bytes | None:
    return None


class _Reader(NamedTuple):
    """How to read a mechanism's responses.

    Attributes:
        exposure: what an eavesdropper gains.
        responses: how many it takes until that is on the wire.
        parse_user: finds the user in a decoded response of that number.
    """

    exposure: Exposure
    responses: int
    parse_user: Callable[[bytes, int], bytes | None]


_READERS = {
    "PLAIN": _Reader(Exposure.PASSWORD, 1, _parse_plain),
    "LOGIN": _Reader(Exposure.PASSWORD, 2, _parse_login),
    "CRAM-MD5": _Reader(Exposure.OFFLINE, 1, _parse_cram_md5),
    "DIGEST-MD5": _Reader(Exposure.OFFLINE, 1, _parse_digest_md5),
    "SCRAM": _Reader(Exposure.OFFLINE, 2, _parse_scram),
    "NTLM": _Reader(Exposure.OFFLINE, 2, _parse_ntlm),
    "XOAUTH2": _Reader(Exposure.TOKEN, 1, _parse_xoauth2),
    "OAUTHBEARER": _Reader(Exposure.TOKEN, 1, _parse_oauthbearer),
    "EXTERNAL": _Reader(Exposure.NOTHING, 1, _parse_whole),
    "ANONYMOUS": _Reader(Exposure.NOTHING, 1, _parse_whole),
}
# of an unknown mechanism, nothing is known to be exposed
_UNKNOWN = _Reader(Exposure.NOTHING, 1, _parse_nothing)


def _find_reader(mechanism: str) -> _Reader:
    if mechanism.startswith("SCRAM-"):
        return _READERS["SCRAM"]
    return _READERS.get(mechanism, _UNKNOWN)
