"""The server's certificate (RFC 5280) out of a Certificate message.

Parsing one takes far longer than all else in a handshake, and a server shows the
same one in every session, so the facts of some hundred are remembered: those of
ordinary size, which bounds the memory that this takes to about 40 MB.
"""

from __future__ import annotations

import calendar
import hashlib
import warnings
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from dissectors.events import Certificate
from dissectors.tls.hello import escape
from dissectors.tls.structs import StructReader

if TYPE_CHECKING:
    import datetime as dt

_REMEMBERED = 256
_LONGEST_REMEMBERED = 8 * 1024
# the events count nanoseconds in 64 bits, which end in 1677 and 2262; RFC 5280
# §4.1.2.5 writes "never" as the end of the year 9999
_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1
# not in RFC 4514 §3, but every tool writes it so
_ATTRIBUTE_NAMES = {x509.NameOID.EMAIL_ADDRESS: "emailAddress"}

# what the parser raises for damaged certificates, found by damaging some
_UNREADABLE = (
    OverflowError,
    TypeError,
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class CertificateFacts(NamedTuple):
    """What could be read of a certificate, and what was odd about it."""

    certificate: Certificate | None
    oddity: str | None = None


_facts: dict[tuple[bytes, int], CertificateFacts] = {}


def read_certificate_message(body: bytes) -> bytes | None:
    """Return the end-entity certificate of a Certificate message up to TLS 1.2.

    Returns:
        `None` if the server sent an empty list (RFC 5246 §7.4.2).

    Raises:
        MalformedStructError: it is no Certificate message.
    """
    reader = StructReader(body)
    certificates = StructReader(reader.vector(3))
    reader.finish()
    return None if certificates.at_end else certificates.vector(3)


def certificate_facts(der: bytes, most_names: int) -> CertificateFacts:
    """Read a certificate, or remember it.

    Args:
        der: the certificate.
        most_names: how many of its names to keep.
    """
    if len(der) > _LONGEST_REMEMBERED:
        return _parse_certificate(der, most_names)
    key = hashlib.sha256(der).digest(), most_names
    facts = _facts.get(key)
    if facts is None:
        if len(_facts) >= _REMEMBERED:
            del _facts[next(iter(_facts))]
        facts = _facts[key] = _parse_certificate(der, most_names)
    return facts


def _parse_certificate(der: bytes, most_names: int) -> CertificateFacts:
    with warnings.catch_warnings():
        # of negative serial numbers and the like, which are the peer's affair
        warnings.simplefilter("ignore")
        try:
            parsed = x509.load_der_x509_certificate(der)
            certificate = Certificate(
                subject=_distinguished_name(parsed.subject),
                issuer=_distinguished_name(parsed.issuer),
                names=[],
                not_before_ns=_time_ns(parsed.not_valid_before_utc),
                not_after_ns=_time_ns(parsed.not_valid_after_utc),
            )
        except _UNREADABLE as error:
            return CertificateFacts(None, _reason(error))
        try:
            certificate.names = _subject_alt_names(parsed)[:most_names]
        except _UNREADABLE as error:
            return CertificateFacts(certificate, _reason(error))
    return CertificateFacts(certificate)


def _subject_alt_names(parsed: x509.Certificate) -> list[str]:
    try:
        extension = parsed.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return []
    names: list[str] = []
    for name in extension.value:
        if isinstance(name, x509.DNSName):
            names.append(escape(name.value))
        elif isinstance(name, x509.IPAddress):
            names.append(str(name.value))
    return names


def _distinguished_name(name: x509.Name) -> str:
    """Write a name as in RFC 4514, what is not printable as its hex pairs (§2.4)."""
    text = name.rfc4514_string(_ATTRIBUTE_NAMES)
    if text.isprintable():
        return text
    return "".join([each if each.isprintable() else _hex_pairs(each) for each in text])


def _hex_pairs(character: str) -> str:
    encoded = character.encode("utf-8", "surrogatepass")
    return "".join([f"\\{byte:02X}" for byte in encoded])


def _time_ns(time: dt.datetime) -> int:
    seconds = calendar.timegm(time.utctimetuple())
    return min(max(seconds * 1_000_000_000, _FIRST_NS), _LAST_NS)


def _reason(error: Exception) -> str:
    return escape(str(error))[:120]
