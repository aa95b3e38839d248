"""Certificate chains with faults of every kind, and what OpenSSL says of them.

Certificates are written here byte by byte: the library that mailtap reads them with
refuses to make most of these.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    padding,
    rsa,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable

    PrivateKey: TypeAlias = (
        rsa.RSAPrivateKey
        | ec.EllipticCurvePrivateKey
        | dsa.DSAPrivateKey
        | ed25519.Ed25519PrivateKey
        | ed448.Ed448PrivateKey
    )

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
HOST = "mail.example.com"

_SEQUENCE, _SET, _INTEGER, _BITS, _OCTETS, _NULL = 0x30, 0x31, 2, 3, 4, 5
_OID, _BOOLEAN, _UTC_TIME, _TIME = 6, 1, 0x17, 0x18
_RSA, _ECDSA = "1.2.840.113549.1.1", "1.2.840.10045.4"
_SIGNATURES = {
    ("rsa", "md5"): f"{_RSA}.4",
    ("rsa", "sha1"): f"{_RSA}.5",
    ("rsa", "sha256"): f"{_RSA}.11",
    ("rsa", "sha512"): f"{_RSA}.13",
    ("rsa", "pss"): f"{_RSA}.10",
    ("ec", "sha1"): f"{_ECDSA}.1",
    ("ec", "sha256"): f"{_ECDSA}.3.2",
    ("ec", "sha512"): f"{_ECDSA}.3.4",
    ("dsa", "sha1"): "1.2.840.10040.4.3",
    ("dsa", "sha256"): "2.16.840.1.101.3.4.3.2",
}
_HASHES = {
    "md5": hashes.MD5(),
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha512": hashes.SHA512(),
}


def der(tag: int, *contents: bytes) -> bytes:
    """Encode a value (X.690 §8.1)."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    return der(
        _INTEGER, value.to_bytes((value.bit_length() + 8) // 8 or 1, signed=True)
    )


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    encoded = b""
    for number in (40 * first + second, *rest):
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.insert(0, number & 0x7F | 0x80)
        encoded += bytes(septets)
    return der(_OID, encoded)


def _time(time: dt.datetime) -> bytes:
    if 1950 <= time.year < 2050:
        return der(_UTC_TIME, time.strftime("%y%m%d%H%M%SZ").encode())
    return der(_TIME, f"{time.year:04}".encode(), time.strftime("%m%d%H%M%SZ").encode())


def _name(common_name: str) -> bytes:
    if not common_name:
        return der(_SEQUENCE)
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    ).public_bytes()


@functools.cache
def key(kind: str, number: int) -> PrivateKey:
    """Make a key of a kind such as `rsa2048` or `ec-secp256r1`, always the same."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:]))
    if kind.startswith("ec-"):
        curve: type[ec.EllipticCurve] = getattr(ec, kind[3:].upper())
        return ec.generate_private_key(curve())
    if kind == "dsa":
        return _dsa_parameters().generate_private_key()
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ed448.Ed448PrivateKey.generate()


@functools.cache
def _dsa_parameters() -> dsa.DSAParameters:
    return dsa.generate_parameters(1024)


def _spki(own: PrivateKey) -> bytes:
    return own.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def key_id(own: PrivateKey) -> bytes:
    """Identify a key as RFC 5280 §4.2.1.2 proposes."""
    return x509.SubjectKeyIdentifier.from_public_key(own.public_key()).digest


def _pss() -> bytes:
    sha256 = der(_SEQUENCE, oid("2.16.840.1.101.3.4.2.1"), der(_NULL))
    mask = der(_SEQUENCE, oid(f"{_RSA}.8"), sha256)
    return der(_SEQUENCE, der(0xA0, sha256), der(0xA1, mask), der(0xA2, integer(32)))


def _algorithm(signer: PrivateKey, digest: str) -> bytes:
    if isinstance(signer, ed25519.Ed25519PrivateKey):
        return der(_SEQUENCE, oid("1.3.101.112"))
    if isinstance(signer, ed448.Ed448PrivateKey):
        return der(_SEQUENCE, oid("1.3.101.113"))
    if isinstance(signer, rsa.RSAPrivateKey):
        parameters = _pss() if digest == "pss" else der(_NULL)
        return der(_SEQUENCE, oid(_SIGNATURES["rsa", digest]), parameters)
    kind = "dsa" if isinstance(signer, dsa.DSAPrivateKey) else "ec"
    known = digest if (kind, digest) in _SIGNATURES else "sha256"
    return der(_SEQUENCE, oid(_SIGNATURES[kind, known]))


def _sign(signer: PrivateKey, digest: str, data: bytes) -> bytes:
    if isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return signer.sign(data)
    if isinstance(signer, rsa.RSAPrivateKey):
        if digest == "pss":
            mask = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            return signer.sign(data, mask, hashes.SHA256())
        return signer.sign(data, padding.PKCS1v15(), _HASHES[digest])
    if isinstance(signer, dsa.DSAPrivateKey):
        known = digest if ("dsa", digest) in _SIGNATURES else "sha256"
        return signer.sign(data, _HASHES[known])
    known = digest if ("ec", digest) in _SIGNATURES else "sha256"
    return signer.sign(data, ec.ECDSA(_HASHES[known]))


Extension: TypeAlias = "tuple[str, bool, bytes]"


def extension(value: x509.ExtensionType, *, critical: bool = False) -> Extension:
    return value.oid.dotted_string, critical, value.public_bytes()


@dataclass
class Plan:
    """A certificate that is to be made; faults change it before."""

    subject: str
    key: PrivateKey
    issuer: str
    signer: PrivateKey
    digest: str = "sha256"
    serial: int = 1
    version: int = 3
    begins: dt.datetime = NOW - YEAR
    ends: dt.datetime = NOW + YEAR
    extensions: dict[str, Extension] = field(default_factory=dict)
    more: list[Extension] = field(default_factory=list)
    damage: Callable[[bytes], bytes] | None = None
    bad_signature: bool = False
    other_algorithm: bool = False

    def put(self, value: x509.ExtensionType, *, critical: bool = False) -> None:
        made = extension(value, critical=critical)
        self.extensions[made[0]] = made

    def drop(self, kind: type[x509.ExtensionType]) -> None:
        self.extensions.pop(kind.oid.dotted_string, None)

    def make(self) -> bytes:
        """Write and sign it."""
        algorithm = _algorithm(self.signer, self.digest)
        fields = [
            integer(self.serial),
            algorithm,
            _name(self.issuer),
            der(_SEQUENCE, _time(self.begins), _time(self.ends)),
            _name(self.subject),
            _spki(self.key),
        ]
        if self.version > 1:
            fields.insert(0, der(0xA0, integer(self.version - 1)))
        extensions = [*self.extensions.values(), *self.more]
        if self.version == 3 and extensions:
            encoded = [
                der(
                    _SEQUENCE,
                    oid(dotted),
                    der(_BOOLEAN, b"\xff") if critical else b"",
                    der(_OCTETS, value),
                )
                for dotted, critical, value in extensions
            ]
            fields.append(der(0xA3, der(_SEQUENCE, *encoded)))
        body = der(_SEQUENCE, *fields)
        signature = _sign(self.signer, self.digest, body)
        if self.bad_signature:
            signature = signature[:-1] + bytes((signature[-1] ^ 1,))
        if self.other_algorithm:
            algorithm = _algorithm(self.signer, "sha512")
        made = der(_SEQUENCE, body, algorithm, der(_BITS, b"\0", signature))
        return self.damage(made) if self.damage else made
