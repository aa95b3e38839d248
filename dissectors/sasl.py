"""SASL authentication exchanges (RFC 4422): mechanism, user and outcome.

The base64 lines of SMTP AUTH (RFC 4954), POP3 AUTH (RFC 5034) and IMAP
AUTHENTICATE (RFC 9051 §6.2.2) go in, one `AuthAttempted` comes out. The identities
(RFC 4422 §2: who authenticates, and whom to act as) are read from PLAIN (RFC 4616),
LOGIN, CRAM-MD5 (RFC 2195), DIGEST-MD5 (RFC 2831), SCRAM (RFC 5802), NTLM, XOAUTH2,
OAUTHBEARER (RFC 7628), OTP (RFC 2444), EXTERNAL and ANONYMOUS. Kerberos and SPNEGO
hide them.

Passwords, digests and tokens are dropped where they are parsed: an exchange keeps
nothing but the identities. Security layers and the server's final data are not
read. The cost is linear in the lines.
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
        user: the authentication identity, once a response showed it.
        authzid: the authorisation identity, if the client gave one.
        cancelled: the client gave up with `*` (RFC 4954 §4).
    """

    __slots__ = (
        "_asked_for_password",
        "_count",
        "_exposure",
        "_reader",
        "authzid",
        "cancelled",
        "mechanism",
        "user",
    )

    def __init__(self, mechanism: bytes | str) -> None:
        if isinstance(mechanism, bytes):
            mechanism = mechanism[:MAX_MECHANISM_BYTES].decode("ascii", "replace")
        self.mechanism = mechanism.upper()
        self.user: str | None = None
        self.authzid: str | None = None
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
            identity = self._reader.parse(decode_base64(line), self._count)
            self.user = _decode_name(identity.user)
            if self.authzid is None:
                self.authzid = _decode_name(identity.authzid)

    def finish(self, outcome: Outcome) -> AuthAttempted:
        """State what is known, when the server has answered or never will."""
        if self.cancelled and outcome is Outcome.UNKNOWN:
            outcome = Outcome.FAILURE
        return AuthAttempted(
            self.mechanism, self.user, outcome, self._exposure, self.authzid
        )


class _Identity(NamedTuple):
    """What a response tells: who authenticates, and whom to act as."""

    user: bytes | None = None
    authzid: bytes | None = None


_NOBODY = _Identity()


def _decode_name(name: bytes | None) -> str | None:
    return name[:MAX_USER_BYTES].decode("utf-8", "backslashreplace") if name else None


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


def _parse_plain(response: bytes, _number: int) -> _Identity:
    # RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
    parts = response.split(b"\0", 2)
    if len(parts) == 1:
        return _NOBODY
    if len(parts) == 2:
        # sent by clients that leave the first NUL out: authcid NUL passwd
        return _Identity(parts[0])
    authzid, authcid, _ = parts
    return _Identity(authcid or authzid, authzid)


def _parse_login(response: bytes, number: int) -> _Identity:
    # draft-murchison-sasl-login: the user name, then the password
    return _Identity(response) if number == 1 else _NOBODY


def _parse_cram_md5(response: bytes, _number: int) -> _Identity:
    # RFC 2195 §2: the user name, a space, and a digest; names may hold spaces
    return _Identity(response.rpartition(b" ")[0])


# RFC 2831 §2.1.2: username = "username" "=" <"> username-value <">, authzid likewise
_DIGEST_FIELD = re.compile(
    rb'\b(username|authzid)="((?:\\.|[^"\\])*+)"', re.DOTALL | re.IGNORECASE
)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
# RFC 2831 §2.1.2: a digest-response has less than 4096 bytes
_MAX_DIGEST_RESPONSE = 4096


def _parse_digest_md5(response: bytes, _number: int) -> _Identity:
    fields = {
        name.lower(): _QUOTED_PAIR.sub(rb"\1", value)
        for name, value in _DIGEST_FIELD.findall(response[:_MAX_DIGEST_RESPONSE])
    }
    return _Identity(fields.get(b"username"), fields.get(b"authzid"))


# RFC 5802 §7: client-first-message = gs2-cbind-flag "," [authzid] "," [reserved-mext
# ","] username ...
_SCRAM_FIRST = re.compile(rb"[^,]*,(?:a=([^,]*))?,(?:m=[^,]*,)?n=([^,]*)")


def _parse_scram(response: bytes, _number: int) -> _Identity:
    match = _SCRAM_FIRST.match(response)
    if match is None:
        return _NOBODY
    return _Identity(_unescape_saslname(match[2]), _unescape_saslname(match[1] or b""))


def _unescape_saslname(name: bytes) -> bytes:
    # RFC 5801 §4: "=2C" stands for a comma, "=3D" for an equals sign
    return name.replace(b"=2C", b",").replace(b"=3D", b"=")


def _parse_ntlm(response: bytes, _number: int) -> _Identity:
    # MS-NLMP §2.2.1.3: AUTHENTICATE_MESSAGE, DomainNameFields at 28, UserNameFields
    # at 36
    if response[:12] != b"NTLMSSP\0\x03\0\0\0" or len(response) < 44:
        return _NOBODY
    # §2.2.2.5: NTLMSSP_NEGOTIATE_UNICODE is the lowest flag
    is_unicode = len(response) < 64 or bool(response[60] & 1)
    domain, user = (_read_ntlm_field(response, at, is_unicode) for at in (28, 36))
    return _Identity(domain + b"\\" + user if domain and user else user)


def _read_ntlm_field(response: bytes, at: int, is_unicode: bool) -> bytes:  # noqa: FBT001
    length = int.from_bytes(response[at : at + 2], "little")
    offset = int.from_bytes(response[at + 4 : at + 8], "little")
    value = response[offset : offset + length]
    return value.decode("utf-16-le", "replace").encode() if is_unicode else value


def _parse_xoauth2(response: bytes, _number: int) -> _Identity:
    # Google and Microsoft: "user=" name ^A "auth=Bearer " token ^A ^A
    for field in response.split(b"\x01", 2)[:2]:
        if field.startswith(b"user="):
            return _Identity(field[5:])
    return _NOBODY


def _parse_oauthbearer(response: bytes, _number: int) -> _Identity:
    # RFC 7628 §3.1: the GS2 header n,a=user, comes first; the token tells the rest
    fields = response.partition(b"\x01")[0].split(b",", 2)
    authzid = fields[1] if len(fields) > 1 else b""
    if not authzid.startswith(b"a="):
        return _NOBODY
    name = _unescape_saslname(authzid[2:])
    return _Identity(name, name)


def _parse_otp(response: bytes, number: int) -> _Identity:
    # RFC 2444 §3: authorization identity NUL authentication identity
    authzid, _, user = response.partition(b"\0")
    return _Identity(user or authzid, authzid) if number == 1 else _NOBODY


def _parse_external(response: bytes, number: int) -> _Identity:
    # RFC 4422 appendix A.1: the authorisation identity; who it is, TLS knows
    return _Identity(response, response) if number == 1 else _NOBODY


def _parse_anonymous(response: bytes, number: int) -> _Identity:
    # RFC 4505 §2: trace information, such as a mail address
    return _Identity(response) if number == 1 else _NOBODY


def _parse_nothing(_response: bytes, _number: int) -> _Identity:
    return _NOBODY


class _Reader(NamedTuple):
    """How to read a mechanism's responses.

    Attributes:
        exposure: what an eavesdropper gains.
        responses: how many it takes until that is on the wire.
        parse: finds the identities in a decoded response of that number.
    """

    exposure: Exposure
    responses: int
    parse: Callable[[bytes, int], _Identity]


_READERS = {
    "PLAIN": _Reader(Exposure.PASSWORD, 1, _parse_plain),
    "LOGIN": _Reader(Exposure.PASSWORD, 2, _parse_login),
    "CRAM-MD5": _Reader(Exposure.OFFLINE, 1, _parse_cram_md5),
    "DIGEST-MD5": _Reader(Exposure.OFFLINE, 1, _parse_digest_md5),
    "SCRAM": _Reader(Exposure.OFFLINE, 2, _parse_scram),
    "NTLM": _Reader(Exposure.OFFLINE, 2, _parse_ntlm),
    "MSN": _Reader(Exposure.OFFLINE, 2, _parse_ntlm),
    # RFC 2289 §2: a one-time password is a hash of a pass phrase, open to guessing
    "OTP": _Reader(Exposure.OFFLINE, 2, _parse_otp),
    "SKEY": _Reader(Exposure.OFFLINE, 2, _parse_otp),
    # RFC 4120 §10: tickets are encrypted with the service's key, which may be made of
    # a password (MITRE ATT&CK T1558.003); SPNEGO may hold NTLM
    "GSSAPI": _Reader(Exposure.OFFLINE, 1, _parse_nothing),
    "GSS-SPNEGO": _Reader(Exposure.OFFLINE, 1, _parse_nothing),
    "GS2-KRB5": _Reader(Exposure.OFFLINE, 1, _parse_nothing),
    "KERBEROS_V4": _Reader(Exposure.OFFLINE, 1, _parse_nothing),
    "XOAUTH": _Reader(Exposure.TOKEN, 1, _parse_nothing),
    "PLAIN-CLIENTTOKEN": _Reader(Exposure.TOKEN, 1, _parse_plain),
    "XOAUTH2": _Reader(Exposure.TOKEN, 1, _parse_xoauth2),
    "OAUTHBEARER": _Reader(Exposure.TOKEN, 1, _parse_oauthbearer),
    "EXTERNAL": _Reader(Exposure.NOTHING, 1, _parse_external),
    "ANONYMOUS": _Reader(Exposure.NOTHING, 1, _parse_anonymous),
}
# of an unknown mechanism, nothing is known to be exposed
_UNKNOWN = _Reader(Exposure.NOTHING, 1, _parse_nothing)


def _find_reader(mechanism: str) -> _Reader:
    if mechanism.startswith("SCRAM-"):
        return _READERS["SCRAM"]
    # the same with channel binding (RFC 5801 §3.3)
    mechanism = mechanism.removesuffix("-PLUS")
    return _READERS.get(mechanism, _UNKNOWN)
