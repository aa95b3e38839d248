"""What the responses of each SASL mechanism show: who logs in, and what crosses.

An identity is read only from a response that fits the mechanism's grammar exactly;
anything else may be a secret in the wrong place. Every expression is linear.
"""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from dissectors.events import Exposure

if TYPE_CHECKING:
    from collections.abc import Callable, Container

# RFC 4422 §3.1: sasl-mech = 1*20mech-char
_SYNTAX = re.compile(rb"[A-Za-z0-9_-]{1,20}")

# IANA, SASL mechanisms; and what vendors announce
_REGISTERED = """
    9798-M-DSA-SHA1 9798-M-ECDSA-SHA1 9798-M-RSA-SHA1-ENC 9798-U-DSA-SHA1
    9798-U-ECDSA-SHA1 9798-U-RSA-SHA1-ENC ANONYMOUS CRAM-MD5 DIGEST-MD5 EAP-AES128
    EAP-AES128-PLUS ECDH-X25519-CHALLENGE ECDSA-NIST256P-CHALLENGE EXTERNAL GS2-KRB5
    GS2-KRB5-PLUS GSS-SPNEGO GSSAPI KERBEROS_V4 KERBEROS_V5 LOGIN NMAS-SAMBA-AUTH
    NMAS_AUTHEN NMAS_LOGIN NTLM OAUTH10A OAUTHBEARER OPENID20 OTP PLAIN SAML20
    SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-224 SCRAM-SHA-224-PLUS SCRAM-SHA-256
    SCRAM-SHA-256-PLUS SCRAM-SHA-384 SCRAM-SHA-384-PLUS SCRAM-SHA-512
    SCRAM-SHA-512-PLUS SCRAM-SHA3-512 SCRAM-SHA3-512-PLUS SECURID SKEY SPNEGO
    SPNEGO-PLUS SXOVER-PLUS
"""
_VENDOR = """
    ATOKEN ATOKEN2 CRAM-SHA1 CRAM-SHA256 MSN PLAIN-CLIENTTOKEN RPA XAOL-UAS-MB XOAUTH
    XOAUTH2 XYMCOOKIE XYMCOOKIEB64 XYMECOOKIE XYMPKI
"""
_KNOWN = frozenset(f"{_REGISTERED} {_VENDOR}".split())


class Identity(NamedTuple):
    """What a response tells: who authenticates, and whom to act as (RFC 4422 §2)."""

    user: bytes | None = None
    authzid: bytes | None = None


NOBODY = Identity()


class Reader(NamedTuple):
    """How to read a mechanism's responses.

    Attributes:
        exposure: what an eavesdropper gains.
        responses: how many it takes until that is on the wire.
        parse: finds the identities in a decoded response of that number.
        is_server_first: there is no initial response (RFC 4422 §5).
    """

    exposure: Exposure
    responses: int
    parse: Callable[[bytes, int], Identity]
    is_server_first: bool = False


def has_mechanism_syntax(word: bytes) -> bool:
    """Tell whether a word may be the name of a mechanism."""
    return _SYNTAX.fullmatch(word) is not None


def read_mechanism(word: bytes, offered: Container[str]) -> str | None:
    """Return a mechanism's name in upper case; `None` if the word is none.

    Args:
        word: what stands in its place.
        offered: what the server announced.
    """
    if not has_mechanism_syntax(word):
        return None
    name = word.decode("ascii").upper()
    return name if name in _KNOWN or name in offered else None


def find_reader(mechanism: str) -> Reader:
    """Find the reader of a mechanism by its name in upper case."""
    if mechanism.startswith("SCRAM-"):
        return _SCRAM
    # the same with channel binding (RFC 5801 §3.3)
    return _READERS.get(mechanism.removesuffix("-PLUS"), _UNKNOWN)


# RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
_PLAIN = re.compile(rb"([^\0]*)\0([^\0]*)\0([^\0]+)", re.DOTALL)


def _parse_plain(response: bytes, _number: int) -> Identity:
    match = _PLAIN.fullmatch(response)
    if match is None:
        return NOBODY
    authzid, authcid, password = match.groups()
    if authzid not in (b"", authcid) and password in (authzid, authcid):
        # it was put where an identity belongs
        return Identity(authcid) if password == authzid else NOBODY
    # some clients give the one identity where the other belongs
    return Identity(authcid or authzid, authzid)


def _parse_login(response: bytes, number: int) -> Identity:
    # draft-murchison-sasl-login: the user name, then the password
    return Identity(response) if number == 1 and b" " not in response else NOBODY


# RFC 2195 §2: the user name, a space, and a digest in hex; names may hold spaces
_CRAM = re.compile(rb"(.+) (?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})", re.DOTALL)


def _parse_cram(response: bytes, number: int) -> Identity:
    match = _CRAM.fullmatch(response) if number == 1 else None
    return Identity(match[1]) if match else NOBODY


# RFC 2831 §2.1.2: digest-response = 1#( username | realm | ... | response | ... )
_DIGEST_FIELD = re.compile(
    rb'[ \t]*([A-Za-z-]{1,32})=("(?:\\.|[^"\\])*+"|[^\x00-\x20",=]++)[ \t]*(?:,|$)',
    re.DOTALL,
)
_DIGEST = re.compile(rb"[0-9a-f]{32}")
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
# RFC 2831 §2.1.2: a digest-response has less than 4096 bytes
_MAX_DIGEST_RESPONSE = 4096


def _parse_digest_md5(response: bytes, number: int) -> Identity:
    fields: dict[bytes, bytes] = {}
    place = 0
    if number != 1 or len(response) >= _MAX_DIGEST_RESPONSE:
        return NOBODY
    while place < len(response):
        match = _DIGEST_FIELD.match(response, place)
        if match is None:
            return NOBODY
        value = match[2]
        if value.startswith(b'"'):
            value = _QUOTED_PAIR.sub(rb"\1", value[1:-1])
        fields[match[1].lower()] = value
        place = match.end()
    if not _DIGEST.fullmatch(fields.get(b"response", b"")):
        return NOBODY
    return Identity(fields.get(b"username"), fields.get(b"authzid"))


# RFC 5802 §7: saslname, and client-first-message = gs2-header [reserved-mext ","]
# username "," nonce ["," extensions]
_SASLNAME = rb"(?:[^\x00,=]|=2C|=3D)+"
_GS2_HEADER = rb"(?:p=[A-Za-z0-9.-]{1,64}|n|y),(?:a=(%b))?," % _SASLNAME
_SCRAM_FIRST = re.compile(
    rb"%b(?:m=[^\x00,]+,)?n=(%b),r=[!-+\x2d-~]+(?:,[A-Za-z]=[^\x00,]+)*"
    % (_GS2_HEADER, _SASLNAME)
)


def _parse_scram(response: bytes, number: int) -> Identity:
    match = _SCRAM_FIRST.fullmatch(response) if number == 1 else None
    if match is None:
        return NOBODY
    return Identity(_unescape_saslname(match[2]), _unescape_saslname(match[1] or b""))


def _unescape_saslname(name: bytes) -> bytes:
    # RFC 5801 §4: "=2C" stands for a comma, "=3D" for an equals sign
    return name.replace(b"=2C", b",").replace(b"=3D", b"=")


# MS-NLMP §2.2.1.3: AUTHENTICATE_MESSAGE; where the fields of its payload are told:
# LmChallengeResponse, NtChallengeResponse, Domain, User, Workstation, session key
_NTLM_FIELDS = (12, 20, 28, 36, 44, 52)
_NTLM_DOMAIN, _NTLM_USER = 2, 3
_NTLM_HEADER = 64
_NTLM_PLACE = struct.Struct("<HHI")
# §2.2.2.6 and §2.2.2.8: NTLM_RESPONSE has 24 bytes, NTLMv2_RESPONSE more
_NTLM_RESPONSE = 24


def _parse_ntlm(response: bytes, number: int) -> Identity:
    if (
        number != 2  # behind the NEGOTIATE_MESSAGE
        or len(response) < _NTLM_HEADER
        or response[:12] != b"NTLMSSP\0\x03\0\0\0"
    ):
        return NOBODY
    places = [_ntlm_place(response, at) for at in _NTLM_FIELDS]
    if any(place is None for place in places):
        return NOBODY
    spans = [place for place in places if place is not None]
    in_order = sorted(span for span in spans if span[0] < span[1])
    apart = all(a[1] <= b[0] for a, b in pairwise(in_order))
    answered = spans[1][1] - spans[1][0] >= _NTLM_RESPONSE
    # §2.2.2.5: NTLMSSP_NEGOTIATE_UNICODE is the lowest flag
    is_unicode = bool(response[60] & 1)
    domain, user = (
        _ntlm_text(response[slice(*spans[which])], is_unicode=is_unicode)
        for which in (_NTLM_DOMAIN, _NTLM_USER)
    )
    if not (apart and answered and user) or domain is None:
        return NOBODY
    return Identity(domain + b"\\" + user if domain else user)


def _ntlm_place(response: bytes, at: int) -> tuple[int, int] | None:
    """Find a field in the payload: §2.2.1.3, its length, maximum and offset."""
    length, most, start = _NTLM_PLACE.unpack_from(response, at)
    if not length:
        return 0, 0
    is_inside = start >= _NTLM_HEADER and start + length <= len(response)
    return (start, start + length) if is_inside and length <= most else None


def _ntlm_text(value: bytes, *, is_unicode: bool) -> bytes | None:
    try:
        return value.decode("utf-16-le").encode() if is_unicode else value
    except UnicodeError:
        return None


# Google and Microsoft: "user=" name ^A "auth=Bearer " token ^A ^A
_XOAUTH2 = re.compile(
    rb"user=([^\x00-\x20]+)\x01auth=Bearer [^\x00-\x20]+\x01\x01", re.IGNORECASE
)


def _parse_xoauth2(response: bytes, number: int) -> Identity:
    match = _XOAUTH2.fullmatch(response) if number == 1 else None
    return Identity(match[1]) if match else NOBODY


# RFC 7628 §3.1: client-resp = gs2-header kvsep *kvpair kvsep
_OAUTHBEARER = re.compile(rb"%b\x01(?:[A-Za-z]+=[^\x01]*\x01)+\x01" % _GS2_HEADER)


def _parse_oauthbearer(response: bytes, number: int) -> Identity:
    # the identity to act as is all that is told; the token tells the rest
    match = _OAUTHBEARER.fullmatch(response) if number == 1 else None
    if match is None or match[1] is None:
        return NOBODY
    name = _unescape_saslname(match[1])
    return Identity(name, name)


# RFC 2444 §3: authorization identity NUL authentication identity
_OTP = re.compile(rb"([^\0]*)\0([^\0]+)", re.DOTALL)


def _parse_otp(response: bytes, number: int) -> Identity:
    match = _OTP.fullmatch(response) if number == 1 else None
    return Identity(match[2], match[1]) if match else NOBODY


# RFC 4422 appendix A.1 and RFC 4505 §2 allow any text: an address can't be a secret
_ADDRESS = re.compile(rb"[^\x00-\x20:@\x7f]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


def _parse_external(response: bytes, number: int) -> Identity:
    # the authorisation identity; who it is, TLS knows
    is_address = number == 1 and _ADDRESS.fullmatch(response)
    return Identity(response, response) if is_address else NOBODY


def _parse_anonymous(response: bytes, number: int) -> Identity:
    # trace information, such as a mail address
    is_address = number == 1 and _ADDRESS.fullmatch(response)
    return Identity(response) if is_address else NOBODY


def _parse_nothing(_response: bytes, _number: int) -> Identity:
    return NOBODY


_SCRAM = Reader(Exposure.OFFLINE, 2, _parse_scram)
_CRAM_READER = Reader(Exposure.OFFLINE, 1, _parse_cram, is_server_first=True)
_READERS = {
    "PLAIN": Reader(Exposure.PASSWORD, 1, _parse_plain),
    "LOGIN": Reader(Exposure.PASSWORD, 2, _parse_login),
    "CRAM-MD5": _CRAM_READER,
    "CRAM-SHA1": _CRAM_READER,
    "CRAM-SHA256": _CRAM_READER,
    # RFC 2831 §2.2 lets clients begin a subsequent authentication, which none does
    "DIGEST-MD5": Reader(Exposure.OFFLINE, 1, _parse_digest_md5, is_server_first=True),
    "NTLM": Reader(Exposure.OFFLINE, 2, _parse_ntlm),
    "MSN": Reader(Exposure.OFFLINE, 2, _parse_ntlm),
    # RFC 2289 §2: a one-time password is a hash of a pass phrase, open to guessing
    "OTP": Reader(Exposure.OFFLINE, 2, _parse_otp),
    "SKEY": Reader(Exposure.OFFLINE, 2, _parse_nothing),
    # RFC 4120 §10: tickets are encrypted with the service's key, which may be made of
    # a password (MITRE ATT&CK T1558.003); SPNEGO may hold NTLM
    "GSSAPI": Reader(Exposure.OFFLINE, 1, _parse_nothing),
    "GSS-SPNEGO": Reader(Exposure.OFFLINE, 1, _parse_nothing),
    "GS2-KRB5": Reader(Exposure.OFFLINE, 1, _parse_nothing),
    "KERBEROS_V4": Reader(Exposure.OFFLINE, 1, _parse_nothing),
    "XOAUTH": Reader(Exposure.TOKEN, 1, _parse_nothing),
    "PLAIN-CLIENTTOKEN": Reader(Exposure.TOKEN, 1, _parse_plain),
    "XOAUTH2": Reader(Exposure.TOKEN, 1, _parse_xoauth2),
    "OAUTHBEARER": Reader(Exposure.TOKEN, 1, _parse_oauthbearer),
    "EXTERNAL": Reader(Exposure.NOTHING, 1, _parse_external),
    "ANONYMOUS": Reader(Exposure.NOTHING, 1, _parse_anonymous),
}
# of an unknown mechanism, nothing is known to be exposed
_UNKNOWN = Reader(Exposure.NOTHING, 1, _parse_nothing)
# a password as it is, or what stands where a mechanism should: it may be one
PASSWORD = Reader(Exposure.PASSWORD, 1, _parse_nothing)
