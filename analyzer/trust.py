"""Whether certificates are to be trusted, at the time at which they were shown.

Chains are verified by `cryptography`, against the system's trust store or one that the
user names. What a client would have asked beside is told apart: whether the name that
it wanted is covered (RFC 9525 §6, RFC 7817 §3).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import re
import warnings
from typing import TYPE_CHECKING

from analyzer.load import LoadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

    from dissectors.events import Certificate

_SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
_DAY_NS = 86_400 * 1_000_000_000
_REMEMBERED = 4096
# RFC 9325 §4.5
_SHORTEST_KEYS = {"RSA": 2048, "DSA": 2048, "EC": 224}
_WEAK_SIGNATURE = re.compile(r"md[245]|sha-?1(?!\d)", re.IGNORECASE)
# names that the verifier takes: letters, digits and hyphens (RFC 9525 §2.2)
_HOST = re.compile(
    r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9-]+", re.IGNORECASE
)
_LONGEST_HOST = 253
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")

VALID = "valid"
EXPIRED = "expired"
NOT_YET_VALID = "not-yet-valid"
SELF_SIGNED = "self-signed"
ISSUER_MISSING = "issuer-missing"
UNTRUSTED_ROOT = "untrusted-root"
INVALID = "invalid"
UNREADABLE = "unreadable"
# what a client of RFC 8314 §5.2 does not accept, in words; issuers that are missing
# or not trusted may be its own
REFUSED = {
    EXPIRED: "certificate has expired",
    NOT_YET_VALID: "certificate is not valid yet",
    SELF_SIGNED: "certificate is self-signed",
    INVALID: "certificate is invalid",
    UNREADABLE: "certificate is unreadable",
}


class Trust:
    """The certificates that are trusted to sign others."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """Trust what a file holds, or what the system trusts.

        Args:
            path: certificates in PEM; `None` for those of the system, which are read
                when they are first needed.

        Raises:
            LoadError: the file can't be read, or holds no certificate.
        """
        self._roots: list[x509.Certificate] | None = None
        self._statuses: dict[tuple[object, ...], str] = {}
        if path is not None:
            self._roots = _read_roots(os.fspath(path))

    def status(self, chain: Sequence[Certificate], time_ns: int) -> str | None:
        """Judge a chain, the server's own certificate first.

        Args:
            chain: as it was sent; `None` is what nobody saw.
            time_ns: when, in nanoseconds since the Unix epoch.

        Returns:
            One of the names above; `None` if there is no certificate.
        """
        if not chain:
            return None
        flags = [_validity(each, time_ns) for each in chain]
        key = (*[each.sha256 for each in chain], *flags, time_ns // _DAY_NS)
        found = self._statuses.get(key)
        if found is None:
            if len(self._statuses) >= _REMEMBERED:
                self._statuses.clear()
            found = self._statuses[key] = self._judge(chain, time_ns)
        return found

    def _judge(self, chain: Sequence[Certificate], time_ns: int) -> str:
        own = chain[0]
        if own.subject is None or own.not_after_ns is None:
            return UNREADABLE
        validity = _validity(own, time_ns)
        if validity is not None:
            return validity
        # late: it imports cryptography
        from dissectors.tls import certificate

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return _verify(chain, self._all_roots(), time_ns)
            except certificate.UNREADABLE:
                # names and extensions are read when they are needed
                return INVALID

    def _all_roots(self) -> list[x509.Certificate]:
        if self._roots is None:
            import ssl

            path = ssl.get_default_verify_paths().cafile or _SYSTEM_ROOTS
            try:
                self._roots = _read_roots(path)
            except LoadError:
                # a machine without a trust store trusts nobody
                self._roots = []
        return self._roots


def _read_roots(path: str) -> list[x509.Certificate]:
    from cryptography import x509

    try:
        with open(path, "rb") as file, warnings.catch_warnings():  # noqa: PTH123
            warnings.simplefilter("ignore")
            return x509.load_pem_x509_certificates(file.read())
    except OSError as error:
        reason = f"{path}: can't be read ({error.strerror})"
        raise LoadError(reason) from error
    except ValueError as error:
        reason = f"{path}: no certificates in PEM in it"
        raise LoadError(reason) from error


def _validity(certificate: Certificate, time_ns: int) -> str | None:
    """Why a certificate is not valid at a time; `None` if it is."""
    before, after = certificate.not_before_ns, certificate.not_after_ns
    if before is not None and time_ns < before:
        return NOT_YET_VALID
    if after is not None and time_ns > after:
        return EXPIRED
    return None


def _verify(
    chain: Sequence[Certificate], roots: Sequence[x509.Certificate], time_ns: int
) -> str:
    from cryptography import x509

    sent = [
        x509.load_der_x509_certificate(each.der)
        for each in chain
        if each.subject is not None
    ]
    if sent[0] in roots or _is_verified(chain[0], sent, roots, time_ns):
        return VALID
    return SELF_SIGNED if chain[0].self_signed else _why_not(sent, roots, time_ns)


def _is_verified(
    own: Certificate,
    sent: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    time_ns: int,
) -> bool:
    from cryptography import x509
    from cryptography.x509 import verification

    subject = _any_name(own)
    if subject is None or not roots:
        return False
    builder = verification.PolicyBuilder().store(verification.Store(list(roots)))
    # private authorities leave out much of what browsers want
    agnostic = verification.Criticality.AGNOSTIC
    anything = verification.ExtensionPolicy.permit_all()
    builder = builder.time(_naive_time(time_ns)).extension_policies(
        ca_policy=anything.require_present(x509.BasicConstraints, agnostic, None),
        ee_policy=anything.require_present(
            x509.SubjectAlternativeName, agnostic, None
        ).may_be_present(x509.ExtendedKeyUsage, agnostic, _check_usage),
    )
    try:
        builder.build_server_verifier(subject).verify(sent[0], list(sent[1:]))
    except verification.VerificationError:
        return False
    return True


def _naive_time(time_ns: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(time_ns / 1e9, dt.UTC).replace(tzinfo=None)


def _check_usage(
    _policy: object, _own: object, usage: x509.ExtendedKeyUsage | None
) -> None:
    """Refuse a certificate that is for something else (RFC 5280 §4.2.1.12)."""
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

    fitting = (Usage.SERVER_AUTH, Usage.ANY_EXTENDED_KEY_USAGE)
    if usage is not None and not any(each in usage for each in fitting):
        message = "not for servers"
        raise ValueError(message)


def _any_name(certificate: Certificate) -> x509.DNSName | x509.IPAddress | None:
    """A name that a certificate covers: which one is wanted is not asked here."""
    from cryptography import x509

    for name in certificate.hosts:
        if len(name) <= _LONGEST_HOST and _HOST.fullmatch(name):
            return x509.DNSName(name.replace("*", "any", 1))
    for address in certificate.addresses:
        return x509.IPAddress(ipaddress.ip_address(address))
    return None


def _why_not(
    sent: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], time_ns: int
) -> str:
    """Follow issuers up to where the chain ends."""
    time = _naive_time(time_ns).replace(tzinfo=dt.UTC)
    current, seen = sent[0], {sent[0]}
    while True:
        if current is not sent[0] and time > current.not_valid_after_utc:
            return EXPIRED
        if current.issuer == current.subject:
            return UNTRUSTED_ROOT if _is_signed_by(current, current) else INVALID
        issuers = [each for each in sent if each.subject == current.issuer]
        by_name = issuers + [each for each in roots if each.subject == current.issuer]
        signers = [each for each in by_name if _is_signed_by(current, each)]
        if not signers:
            return INVALID if by_name else ISSUER_MISSING
        if signers[0] in seen or signers[0] in roots:
            # somebody is trusted, and yet it could not be verified
            return INVALID
        seen.add(signers[0])
        current = signers[0]


def _is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except UnsupportedAlgorithm:
        # MD5 and the like, which is told elsewhere; nobody says that it is forged
        return True
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def covers(certificate: Certificate, host: str) -> bool:
    """Whether a certificate is for a host (RFC 9525 §6.3, RFC 7817 §3).

    A wildcard stands for one whole label, the first; the common name counts nothing.
    """
    wanted = host.lower().rstrip(".")
    if _IPV4.fullmatch(wanted) or ":" in wanted:
        return wanted in certificate.addresses
    first, _, parent = wanted.partition(".")
    for name in certificate.hosts:
        presented = name.lower().rstrip(".")
        if presented == wanted != "":
            return True
        if first and parent and presented == f"*.{parent}":
            return True
    return False


def weaknesses(chain: Sequence[Certificate]) -> list[str]:
    """What of keys and signatures should not be used any more (RFC 9325 §4.5)."""
    found = []
    for each in chain:
        kind = (each.key_type or "").partition(" ")[0]
        if (each.key_bits or 0) < _SHORTEST_KEYS.get(kind, 0):
            found.append(f"short {kind} key of {each.key_bits} bits")
        # nobody checks the signature of a root
        signature = each.signature_algorithm or ""
        if not each.self_signed and _WEAK_SIGNATURE.search(signature):
            found.append(f"weak signature {signature} of a certificate")
    return list(dict.fromkeys(found))
