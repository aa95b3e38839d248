"""Certification path validation (RFC 5280 §6), by OpenSSL, as of any time.

OpenSSL is what most mail programs verify with, so its verdict is what their users got.
Whom they trust may be any authority, not only a root (RFC 5280 §6.1.1 d).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from OpenSSL import crypto

from analyzer.sessions.certificate_status import CertificateStatus
from dissectors.tls.handshake import certificate

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

# X509_STORE_CTX_get_error(3); what is not here is `INVALID`
_STATUSES = {
    2: CertificateStatus.ISSUER_MISSING,
    9: CertificateStatus.NOT_YET_VALID,
    10: CertificateStatus.EXPIRED,
    18: CertificateStatus.SELF_SIGNED,
    19: CertificateStatus.UNTRUSTED_ROOT,
    20: CertificateStatus.ISSUER_MISSING,
    21: CertificateStatus.ISSUER_MISSING,
}
# Netscape's name of the same purpose
_SERVER_GATED = x509.ObjectIdentifier("2.16.840.1.113730.4.1")


def load_pem(data: bytes) -> list[crypto.X509]:
    """Read the certificates of a file in PEM; what can't be read is left out."""
    # RFC 7468 §2
    begin = b"-----BEGIN "
    loaded = [
        _load(begin + block, crypto.FILETYPE_PEM) for block in data.split(begin)[1:]
    ]
    return [certificate for certificate in loaded if certificate is not None]


def judge(
    sent: Sequence[bytes], anchors: Sequence[crypto.X509], time: dt.datetime
) -> CertificateStatus:
    """Judge a chain as a client of the server would have done.

    Args:
        sent: certificates in DER, the server's own first.
        anchors: who is trusted.
        time: when.

    Returns:
        One of the names of `analyzer.sessions.trust`.
    """
    own, *others = [_load(der, crypto.FILETYPE_ASN1) for der in sent]
    if own is None:
        return CertificateStatus.UNREADABLE
    upper = [other for other in others if other is not None]
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    store.set_time(time)
    for anchor in anchors:
        store.add_cert(anchor)
    context = crypto.X509StoreContext(store, own, upper)
    try:
        path = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        status = _STATUSES.get(error.errors[0], CertificateStatus.INVALID)
        if status is CertificateStatus.ISSUER_MISSING and _has_issuer(
            error, [own, *upper, *anchors]
        ):
            # it is there, and can't have signed: by its key or what it may do
            return CertificateStatus.INVALID
        return status
    fits = _is_for_servers(path)
    return CertificateStatus.VALID if fits else CertificateStatus.INVALID


def _load(data: bytes, form: int) -> crypto.X509 | None:
    try:
        loaded = crypto.load_certificate(form, data)
        read = crypto.dump_certificate(crypto.FILETYPE_ASN1, loaded)
    except crypto.Error:
        return None
    # clients refuse what has more bytes behind it
    has_more = form == crypto.FILETYPE_ASN1 and len(read) < len(data)
    return None if has_more else loaded


def _has_issuer(
    error: crypto.X509StoreContextError, candidates: Sequence[crypto.X509]
) -> bool:
    """Return whether another candidate has the name of the missing issuer."""
    last = error.certificate
    return any(
        candidate.get_subject() == last.get_issuer()
        and _digest(candidate) != _digest(last)
        for candidate in candidates
    )


def _digest(certificate: crypto.X509) -> bytes:
    return certificate.digest("sha256")


def _is_for_servers(path: Sequence[crypto.X509]) -> bool:
    """Return whether all certificates may be for servers (RFC 5280 §4.2.1.3, .12).

    What authorities are for counts, too, as in OpenSSL and browsers.
    """
    try:
        parsed = [member.to_cryptography() for member in path]
        usages = [_find(x509.ExtendedKeyUsage, member) for member in parsed]
        own = _find(x509.KeyUsage, parsed[0])
    except x509.InvalidVersion:
        # version 2 has no extensions, and nobody used it
        return True
    except certificate.UNREADABLE:
        # an extension that OpenSSL does not look at
        return False
    if own and not (own.digital_signature or own.key_encipherment or own.key_agreement):
        return False
    return all(
        usage is None or Usage.SERVER_AUTH in usage or _SERVER_GATED in usage
        for usage in usages
    )


def _find(kind: type[_Extension], parsed: x509.Certificate) -> _Extension | None:
    try:
        return parsed.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
