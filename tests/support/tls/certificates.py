"""Makes the certificates that the tests need."""

from __future__ import annotations

import datetime as dt
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NAMES = (
    x509.DNSName("mail.example.com"),
    x509.DNSName("imap.example.com"),
    x509.RFC822Name("postmaster@example.com"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
)


# its signatures are always the same, and so are the certificates
_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))


def make_certificate(
    common_name: str = "mail.example.com",
    names: tuple[x509.GeneralName, ...] = NAMES,
    not_after: dt.datetime = dt.datetime(2030, 1, 1, tzinfo=dt.UTC),
) -> bytes:
    """Make a self-signed certificate in DER."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example, Inc."),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(_KEY.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(not_after)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
    return builder.sign(_KEY, None).public_bytes(Encoding.DER)
