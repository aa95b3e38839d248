"""Whether certificates are to be trusted, at the time at which they were shown.

Chains are verified by OpenSSL, against the system's trust store or one that the user
names. What a client would check besides is judged apart: whether the name that it
wanted is covered (RFC 9525 §6, RFC 7817 §3), and whether keys and signatures are strong
enough: a weak signature does not make a chain invalid.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import warnings
from typing import TYPE_CHECKING

from analyzer.errors import LoadError
from analyzer.sessions.certificate_status import CertificateStatus
from dissectors.events import Weakness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from OpenSSL import crypto

    from dissectors.events import Certificate

_SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
_SECOND_NS = 1_000_000_000
_DAY_NS = 86_400 * _SECOND_NS
_CACHE_SIZE = 4096
# RFC 9325 §4.5
_SHORTEST_KEYS = {"RSA": 2048, "DSA": 2048, "EC": 224}
_WEAK_SIGNATURE = re.compile(r"md[245]|sha-?1(?!\d)", re.IGNORECASE)
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")


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
        self._anchors: list[crypto.X509] | None = None
        self._statuses: dict[tuple[object, ...], CertificateStatus] = {}
        if path is not None:
            self._anchors = _read_anchors(os.fspath(path))

    def status(
        self, chain: Sequence[Certificate], time_ns: int
    ) -> CertificateStatus | None:
        """Judge a chain, the server's own certificate first.

        Args:
            chain: as it was sent; `None` is what nobody saw.
            time_ns: when, in nanoseconds since the Unix epoch.

        Returns:
            The status; `None` if there is no certificate.
        """
        if not chain:
            return None
        flags = [_validity(certificate, time_ns) for certificate in chain]
        key = (
            *[certificate.sha256 for certificate in chain],
            *flags,
            time_ns // _DAY_NS,
        )
        status = self._statuses.get(key)
        if status is None:
            if len(self._statuses) >= _CACHE_SIZE:
                self._statuses.clear()
            status = self._statuses[key] = self._judge(chain, time_ns)
        return status

    def _judge(self, chain: Sequence[Certificate], time_ns: int) -> CertificateStatus:
        own = chain[0]
        validity = _validity(own, time_ns)
        if validity is not None:
            return validity
        # late: it imports OpenSSL
        from analyzer.sessions import certification_path

        time = dt.datetime.fromtimestamp(time_ns // _SECOND_NS, dt.UTC)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            status = certification_path.judge(
                [certificate.der for certificate in chain], self._all_anchors(), time
            )
        # OpenSSL believes what a certificate says of its issuer
        if status is CertificateStatus.SELF_SIGNED and not own.self_signed:
            return CertificateStatus.INVALID
        if status is CertificateStatus.ISSUER_MISSING and own.self_signed:
            return CertificateStatus.SELF_SIGNED
        return status

    def _all_anchors(self) -> list[crypto.X509]:
        if self._anchors is None:
            import ssl

            path = ssl.get_default_verify_paths().cafile or _SYSTEM_ROOTS
            try:
                self._anchors = _read_anchors(path)
            except LoadError:
                # a machine without a trust store trusts nobody
                self._anchors = []
        return self._anchors


def _read_anchors(path: str) -> list[crypto.X509]:
    from analyzer.sessions import certification_path

    try:
        with open(path, "rb") as file:  # noqa: PTH123
            anchors = certification_path.load_pem(file.read())
    except OSError as error:
        raise LoadError.of(path, error) from error
    if not anchors:
        reason = f"{path}: contains no PEM certificates"
        raise LoadError(reason)
    return anchors


def _validity(certificate: Certificate, time_ns: int) -> CertificateStatus | None:
    """Return why a certificate is not valid at a time; `None` if it is."""
    before, after = certificate.not_before_ns, certificate.not_after_ns
    # RFC 5280 §4.1.2.5: both belong to it, and are seconds
    time_ns -= time_ns % _SECOND_NS
    if before is not None and time_ns < before:
        return CertificateStatus.NOT_YET_VALID
    if after is not None and time_ns > after:
        return CertificateStatus.EXPIRED
    return None


def covers(certificate: Certificate, host: str) -> bool:
    """Return whether a certificate is for a host (RFC 9525 §6.3, RFC 7817 §3).

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
    """List keys and signatures that should not be used any more (RFC 9325 §4.5).

    Returns:
        Each `Weakness` once.
    """
    found = []
    for certificate in chain:
        kind = (certificate.key_type or "").partition(" ")[0]
        if (certificate.key_bits or 0) < _SHORTEST_KEYS.get(kind, 0):
            found.append(Weakness.SHORT_KEY.of(f"{kind} {certificate.key_bits}"))
        # nobody checks the signature of a root
        signature = certificate.signature_algorithm or ""
        if not certificate.self_signed and _WEAK_SIGNATURE.search(signature):
            found.append(Weakness.WEAK_CERT_SIGNATURE.of(signature))
    return list(dict.fromkeys(found))
