"""Certificates (RFC 5280) out of Certificate messages.

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
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

from dissectors.events import Certificate
from dissectors.tls.handshake.hello import escape
from dissectors.tls.handshake.structs import StructReader

if TYPE_CHECKING:
    import datetime as dt

# nobody needs more from a server to a trusted one
LONGEST_CHAIN = 20

_CACHE_SIZE = 256
# RFC 4985 §2
_SRV_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7")
_DER_HEADER_BYTES = 2
_LONGEST_CACHED = 8 * 1024
# the events count nanoseconds in 64 bits, which end in 1677 and 2262; RFC 5280
# §4.1.2.5 writes "never" as the end of the year 9999
_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1
# not in RFC 4514 §3, but every tool writes it so
_ATTRIBUTE_NAMES = {x509.NameOID.EMAIL_ADDRESS: "emailAddress"}

# what the parser raises for damaged certificates, found by damaging some
UNREADABLE = (
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

    certificate: Certificate
    malformed: str | None = None


_facts: dict[tuple[bytes, int], CertificateFacts] = {}


def read_certificate_message(body: bytes, *, tls_1_3: bool) -> list[bytes]:
    """Return the certificates of a Certificate message, the sender's own first.

    The list may be empty (RFC 5246 §7.4.6, RFC 8446 §4.4.2.4).

    Args:
        body: of the message.
        tls_1_3: it has the format of RFC 8446 §4.4.2, with extensions.

    Raises:
        MalformedStructError: it is no Certificate message.
    """
    reader = StructReader(body)
    if tls_1_3:
        reader.vector(1)  # certificate_request_context
    entries = StructReader(reader.vector(3))
    reader.finish()
    certificates = []
    while not entries.at_end:
        certificates.append(entries.vector(3))
        if tls_1_3:
            entries.vector(2)
    return certificates


def certificate_facts(der: bytes, most_names: int) -> CertificateFacts:
    """Read a certificate, or remember it.

    Args:
        der: the certificate.
        most_names: how many of its names to keep.
    """
    digest = hashlib.sha256(der)
    if len(der) > _LONGEST_CACHED:
        return _parse_certificate(der, digest.hexdigest(), most_names)
    key = digest.digest(), most_names
    facts = _facts.get(key)
    if facts is None:
        if len(_facts) >= _CACHE_SIZE:
            del _facts[next(iter(_facts))]
        facts = _parse_certificate(der, digest.hexdigest(), most_names)
        _facts[key] = facts
    return facts


def _parse_certificate(der: bytes, sha256: str, most_names: int) -> CertificateFacts:
    certificate = Certificate(der, sha256)
    with warnings.catch_warnings():
        # of negative serial numbers and the like, which are the peer's affair
        warnings.simplefilter("ignore")
        try:
            parsed = x509.load_der_x509_certificate(der)
        except UNREADABLE as error:
            return CertificateFacts(certificate, _reason(error))
        malformed = None
        for read in _READERS:
            try:
                read(parsed, certificate)
            except UNREADABLE as error:
                # the other facts are known all the same
                malformed = malformed or _reason(error)
    for names in (certificate.names, certificate.hosts, certificate.addresses):
        del names[most_names:]
    if any("\\x00" in name or "\\00" in name for name in _all_names(certificate)):
        # RFC 6125 §1.7.1: a C string ends there, and the rest may be another host
        malformed = malformed or "NUL in a name"
    return CertificateFacts(certificate, malformed)


def _all_names(certificate: Certificate) -> list[str]:
    return [certificate.subject or "", *certificate.names]


def _read_names(parsed: x509.Certificate, facts: Certificate) -> None:
    facts.subject = _distinguished_name(parsed.subject)


def _read_issuer(parsed: x509.Certificate, facts: Certificate) -> None:
    facts.issuer = _distinguished_name(parsed.issuer)


def _read_serial(parsed: x509.Certificate, facts: Certificate) -> None:
    facts.serial = f"{parsed.serial_number:x}"


def _read_validity(parsed: x509.Certificate, facts: Certificate) -> None:
    facts.not_before_ns = _time_ns(parsed.not_valid_before_utc)
    facts.not_after_ns = _time_ns(parsed.not_valid_after_utc)


def _read_alternative_names(parsed: x509.Certificate, facts: Certificate) -> None:
    try:
        extension = parsed.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return
    for name in extension.value:
        if isinstance(name, x509.DNSName):
            facts.hosts.append(escape(name.value))
            facts.names.append(facts.hosts[-1])
        elif isinstance(name, x509.IPAddress):
            facts.addresses.append(str(name.value))
            facts.names.append(facts.addresses[-1])
        elif isinstance(name, x509.RFC822Name):
            facts.names.append(escape(name.value))
        elif isinstance(name, x509.OtherName) and name.type_id == _SRV_NAME:
            facts.names.append(_service_name(name.value))


def _read_signature(parsed: x509.Certificate, facts: Certificate) -> None:
    oid = parsed.signature_algorithm_oid
    facts.signature_algorithm = escape(_oid_name(oid))


def _read_key(parsed: x509.Certificate, facts: Certificate) -> None:
    key = parsed.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        facts.key_type, facts.key_bits = "RSA", key.key_size
    elif isinstance(key, ec.EllipticCurvePublicKey):
        facts.key_type, facts.key_bits = f"EC {key.curve.name}", key.key_size
    elif isinstance(key, dsa.DSAPublicKey):
        facts.key_type, facts.key_bits = "DSA", key.key_size
    else:
        facts.key_type = type(key).__name__.removesuffix("PublicKey")


def _read_self_signature(parsed: x509.Certificate, facts: Certificate) -> None:
    if parsed.issuer != parsed.subject:
        facts.self_signed = False
        return
    try:
        facts.self_signed = _is_signed_by_itself(parsed)
    except UnsupportedAlgorithm:
        # MD2 and the like; nobody else is named as its issuer
        facts.self_signed = True


def _is_signed_by_itself(parsed: x509.Certificate) -> bool:
    """Verify the signature; a weak one, too, which the library refuses to look at."""
    key = parsed.public_key()
    signature, signed = parsed.signature, parsed.tbs_certificate_bytes
    weak = parsed.signature_hash_algorithm
    try:
        if not isinstance(weak, hashes.SHA1 | hashes.MD5):
            parsed.verify_directly_issued_by(parsed)
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), weak)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(weak))
        elif isinstance(key, dsa.DSAPublicKey):
            key.verify(signature, signed, weak)
        else:
            return False
    except (InvalidSignature, TypeError, ValueError):
        # by another key, or one of another kind
        return False
    return True


def _read_constraints(parsed: x509.Certificate, facts: Certificate) -> None:
    try:
        constraints = parsed.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        facts.is_ca = False
    else:
        facts.is_ca = constraints.value.ca


_READERS = (
    _read_names,
    _read_issuer,
    _read_serial,
    _read_validity,
    _read_alternative_names,
    _read_signature,
    _read_key,
    _read_self_signature,
    _read_constraints,
)


def _oid_name(oid: x509.ObjectIdentifier) -> str:
    name = oid._name  # noqa: SLF001, there is no public name of an OID
    return oid.dotted_string if name == "Unknown OID" else name


def _service_name(der: bytes) -> str:
    """Read an SRVName such as `_imap.example.com` (RFC 4985 §2): a short IA5String."""
    is_short = len(der) > _DER_HEADER_BYTES and der[1] == len(der) - _DER_HEADER_BYTES
    return escape(der[_DER_HEADER_BYTES:].decode("latin-1")) if is_short else "?"


def _distinguished_name(name: x509.Name) -> str:
    """Write a name as in RFC 4514, what is not printable as its hex pairs (§2.4)."""
    text = name.rfc4514_string(_ATTRIBUTE_NAMES)
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else _hex_pairs(char) for char in text])


def _hex_pairs(character: str) -> str:
    encoded = character.encode("utf-8", "surrogatepass")
    return "".join([f"\\{byte:02X}" for byte in encoded])


def _time_ns(time: dt.datetime) -> int:
    seconds = calendar.timegm(time.utctimetuple())
    return min(max(seconds * 1_000_000_000, _FIRST_NS), _LAST_NS)


def _reason(error: Exception) -> str:
    return escape(str(error))[:120]
