"""A small certificate authority of the lab's own, and the servers' certificates."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

LIFETIME = dt.timedelta(days=397)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Ltd"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(subject: str, issuer: str, public_key: ec.EllipticCurvePublicKey
             | rsa.RSAPublicKey) -> x509.CertificateBuilder:  # fmt: skip
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
    )


class Authority:
    """A certificate authority that lives as long as its folder.

    Attributes:
        certificate_path: PEM file of its own certificate, for clients to trust.
    """

    NAME = "Example Lab Root CA"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(self.NAME, self.NAME, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate_path = folder / "ca.pem"
        self._pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.certificate_path.write_bytes(self._pem)

    def issue(self, name: str, *other_names: str) -> Path:
        """Issue a certificate for host names; return a PEM file of key and chain.

        The key is RSA, which servers of any age and TLS version can use.
        """
        key = rsa.generate_private_key(65537, 2048)
        names = [x509.DNSName(each) for each in (name, *other_names)]
        certificate = (
            _builder(name, self.NAME, key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{name}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
            + self._pem
        )
        return path
