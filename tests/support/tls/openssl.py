"""TLS between two ends of Python's OpenSSL, in memory, and what crosses the wire."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import functools
import math
import ssl
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from dissectors.events import Side

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = "mail.example.com"
# what the ssl module has no names for (OpenSSL's ssl.h)
NO_ENCRYPT_THEN_MAC = 1 << 19
NO_EXTENDED_MASTER_SECRET = 1
ANYTHING_GOES = "@SECLEVEL=0"


@functools.cache
def folder() -> Path:
    """Where keys are written to for as long as the tests run."""
    made = tempfile.TemporaryDirectory(prefix="mailtap-tls-")
    _KEPT.append(made)
    path = Path(made.name)
    keys: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ecdsa": ec.generate_private_key(ec.SECP256R1()),
    }
    for name, key in keys.items():
        (path / f"{name}.pem").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + _certificate(key).public_bytes(Encoding.PEM)
        )
    (path / "dh.pem").write_text(_pem("DH PARAMETERS", _dh_parameters()))
    return path


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )


def _dh_parameters() -> bytes:
    """PKCS #3: the prime, and 2, in DER."""
    prime = _ffdhe2048().to_bytes(257, "big")
    integers = b"\x02\x82\x01\x01" + prime + b"\x02\x01\x02"
    return b"\x30\x82" + len(integers).to_bytes(2, "big") + integers


def _pem(label: str, der: bytes) -> str:
    text = base64.encodebytes(der).decode("ascii")
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


def _ffdhe2048() -> int:
    """The prime of RFC 7919 Appendix A.1, by its formula."""
    e = sum(Fraction(1, math.factorial(n)) for n in range(400))
    return 2**2048 - 2**1984 + (int(2**1918 * e) + 560316) * 2**64 - 1


@dataclass
class Settings:
    """How both ends are set up.

    Attributes:
        version: the only one that both accept.
        ciphers: of OpenSSL's names, up to TLS 1.2.
        options: of `SSLContext`, for both.
        server_group: the only group that the server accepts.
        tickets: sessions may be resumed by ticket up to TLS 1.2, not by ID.
        alpn: the protocols that the client offers.
        client_certificate: the server asks for one; true if the client has one.
    """

    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: str = "ALL"
    options: int = 0
    server_group: str | None = None
    tickets: bool = True
    alpn: tuple[str, ...] = ()
    client_certificate: bool | None = None


@dataclass
class Wire:
    """What crossed the wire.

    Attributes:
        steps: who sent what, in order.
        key_log: the secrets, as OpenSSL wrote them.
        cipher: OpenSSL's name of the suite.
        session: to resume.
    """

    steps: list[tuple[Side, bytes]] = field(default_factory=list)
    key_log: bytes = b""
    cipher: str = ""
    session: ssl.SSLSession | None = None


class Stack:
    """Contexts of both ends, which may be used for several connections."""

    def __init__(self, settings: Settings) -> None:
        self._client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._log = folder() / "keys.log"
        for context in (self._client, self._server):
            context.set_ciphers(f"{settings.ciphers}:{ANYTHING_GOES}")
            context.minimum_version = context.maximum_version = settings.version
            context.options |= settings.options
            if not settings.tickets:
                context.options |= ssl.OP_NO_TICKET
        self._client.check_hostname = False
        self._client.verify_mode = ssl.CERT_NONE
        self._client.keylog_filename = str(self._log)
        for name in ("rsa", "ecdsa"):
            self._server.load_cert_chain(folder() / f"{name}.pem")
        self._server.load_dh_params(str(folder() / "dh.pem"))
        if settings.server_group is not None:
            self._server.set_ecdh_curve(settings.server_group)
        if settings.client_certificate is not None:
            self._server.verify_mode = ssl.CERT_OPTIONAL
            self._server.load_verify_locations(folder() / "rsa.pem")
        if settings.alpn:
            self._client.set_alpn_protocols(settings.alpn)
        if settings.client_certificate:
            self._client.load_cert_chain(folder() / "rsa.pem")

    def play(
        self,
        dialogue: Iterable[tuple[Side, bytes]],
        session: ssl.SSLSession | None = None,
    ) -> Wire:
        """Shake hands, and let a dialogue go through."""
        self._log.write_bytes(b"")
        wire = Wire()
        pipes = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in Side]
        client = self._client.wrap_bio(*pipes[0], server_hostname=HOST, session=session)
        server = self._server.wrap_bio(*pipes[1], server_side=True)
        ends = (client, server)
        done = [False, False]
        while not all(done):
            for side in Side:
                try:
                    ends[side].do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
                self._carry(side, pipes, wire)
        for side, data in dialogue:
            ends[side].write(data)
            self._carry(side, pipes, wire)
            # tickets come first
            read = b""
            while len(read) < len(data):
                read += ends[1 - side].read(65_536)
            assert read == data
        for side in Side:
            # a session that is not closed can't be resumed by its ID
            with contextlib.suppress(ssl.SSLWantReadError):
                ends[side].unwrap()
            self._carry(side, pipes, wire)
        wire.key_log = self._log.read_bytes()
        wire.session = client.session
        cipher = client.cipher()
        wire.cipher = cipher[0] if cipher else ""
        return wire

    @staticmethod
    def _carry(
        side: Side, pipes: list[tuple[ssl.MemoryBIO, ssl.MemoryBIO]], wire: Wire
    ) -> None:
        data = pipes[side][1].read()
        if data:
            wire.steps.append((side, data))
            pipes[1 - side][0].write(data)
