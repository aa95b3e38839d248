"""How a connection came to TLS, and what its handshake showed."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from dissectors.events.exchange import Side


class StartTls(enum.IntEnum):
    """How far an upgrade to TLS came; the furthest step counts."""

    NOT_OFFERED = 0
    OFFERED = 1
    REQUESTED = 2
    REFUSED = 3
    ACCEPTED = 4


@dataclass(slots=True)
class StartTlsAdvanced:
    """The upgrade to TLS came one step further.

    `is_inferred` if TLS shows it, and the command for it was not captured.
    """

    step: StartTls
    is_inferred: bool = False


@dataclass(slots=True)
class Certificate:
    """A certificate that was shown; `None` is what could not be read of it.

    Attributes:
        der: as it was sent.
        sha256: its fingerprint, in hexadecimal.
        subject: as in RFC 4514; so is `issuer`.
        serial: in hexadecimal, without leading zeros.
        names: the subject alternative name: hosts, mail addresses, services, IP.
        hosts: those of them that are DNS names (RFC 9525 §6.3: DNS-ID).
        addresses: those that are IP addresses.
        key_type: such as `RSA`, or `EC secp256r1`.
        signature_algorithm: such as `sha256WithRSAEncryption`.
        self_signed: it is its own issuer, and signed by its own key.
        is_ca: it may sign others (RFC 5280 §4.2.1.9).
    """

    der: bytes
    sha256: str
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    names: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    not_before_ns: int | None = None
    not_after_ns: int | None = None
    key_type: str | None = None
    key_bits: int | None = None
    signature_algorithm: str | None = None
    self_signed: bool | None = None
    is_ca: bool | None = None


class Resumption(enum.StrEnum):
    """How a TLS session goes on with the keys of an earlier one."""

    NONE = "none"
    SESSION_ID = "session-id"
    TICKET = "ticket"
    PSK = "psk"


class EarlyData(enum.StrEnum):
    """What became of a client's wish to send data before the handshake is over."""

    OFFERED = "offered"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ClientCertificate(enum.StrEnum):
    """Whether the client had to show a certificate."""

    NOT_REQUESTED = "not-requested"
    REQUESTED = "requested"
    GIVEN = "given"
    REFUSED = "refused"


class Weakness(enum.StrEnum):
    """What RFC 9325 advises against; stable codes.

    Those with something to name are told with it, as `old-version=TLSv1.0`.
    """

    OLD_VERSION = "old-version"
    """The version."""
    BROKEN_CIPHER = "broken-cipher"
    """What breaks the suite: `NULL`, `EXPORT`, `anon`, `RC4`, `DES`."""
    WEAK_CIPHER = "weak-cipher"
    """The cipher: `3DES`, `IDEA`, `SEED`, `28147`, `MAGMA`."""
    NO_FORWARD_SECRECY = "no-forward-secrecy"
    """Nothing."""
    WEAK_GROUP = "weak-group"
    """The group: `DH 1024`, `secp192r1`."""
    WEAK_SIGNATURE = "weak-signature"
    """The scheme by which the server signed the handshake: `rsa_pkcs1_sha1`."""
    SHORT_KEY = "short-key"
    """The key of a certificate: `RSA 1024`."""
    WEAK_CERT_SIGNATURE = "weak-cert-signature"
    """The algorithm by which a certificate was signed: `md5WithRSAEncryption`."""

    def of(self, value: str) -> str:
        """Name what has it."""
        return f"{self}={value}"


@dataclass(frozen=True, slots=True)
class TlsOffer:
    """What a client offers in its hello, without GREASE (RFC 8701).

    Attributes:
        sni: the host that it asks for.
        grease: it sent reserved values.
        ech: it sent an Encrypted Client Hello, or one for show.
    """

    versions: Sequence[str] = ()
    ciphers: Sequence[str] = ()
    groups: Sequence[str] = ()
    signatures: Sequence[str] = ()
    alpn: Sequence[str] = ()
    sni: str | None = None
    grease: bool | None = None
    ech: bool | None = None
    ja3: str | None = None
    ja4: str | None = None


@dataclass(frozen=True, slots=True)
class TlsChoice:
    """What a server chose of it.

    Attributes:
        version: as `TLSv1.3`, `TLSv1.2`, `SSLv3`; `None` without a ServerHello.
        cipher: IANA name of the suite, `0xABCD` if unknown.
        weaknesses: what is wrong with version and suite (`Weakness`).
    """

    version: str | None = None
    cipher: str | None = None
    alpn: str | None = None
    weaknesses: Sequence[str] = ()
    ja3s: str | None = None


@dataclass(frozen=True, slots=True)
class TlsKeyExchange:
    """How both sides came to their keys.

    Attributes:
        group: `DH 2048` for one without a name.
        signature: scheme of the server's signature.
        weaknesses: what is wrong with it (`Weakness`).
    """

    group: str | None = None
    post_quantum: bool | None = None
    forward_secret: bool | None = None
    signature: str | None = None
    weaknesses: Sequence[str] = ()


@dataclass(slots=True)
class TlsHandshakeSeen:
    """All that a TLS handshake showed, reported once: when it went dark or ended.

    What is learned of the connection besides are events of their own, which come
    behind this one, also if it was known before. Lists are shared among connections and
    must not be changed. `None` is what was not seen, or what encryption hides.

    Attributes:
        after_gap: bytes are missing of what was said before it.
        retried: the server asked for another hello (HelloRetryRequest).
        secure_renegotiation: both sides have it (RFC 5746); `None` in TLS 1.3.
        established: encrypted application data or Finished was seen both ways; or
            application data, if the handshake was not captured.
        failed_after: last step of a handshake that came to nothing.
        begin_ns: when the first hello was seen.
        end_ns: when the handshake was over, if that was seen.
        chosen_frame: the packet that completed the ServerHello.
        chain: the server's certificates, its own first.
        chain_frame: the packet that completed them.
        client_chain: those of the client.
    """

    offer: TlsOffer = TlsOffer()
    choice: TlsChoice = TlsChoice()
    key_exchange: TlsKeyExchange = TlsKeyExchange()
    after_gap: bool = False
    retried: bool | None = None
    resumption: Resumption | None = None
    early_data: EarlyData | None = None
    secure_renegotiation: bool | None = None
    client_certificate: ClientCertificate | None = None
    established: bool = False
    failed_after: str | None = None
    begin_ns: int | None = None
    end_ns: int | None = None
    chosen_frame: int | None = None
    chain: Sequence[Certificate] = ()
    chain_frame: int | None = None
    client_chain: Sequence[Certificate] = ()


@dataclass(slots=True)
class TlsAlertSeen:
    """A side sent an alert that could be read, and that is more than a goodbye.

    Attributes:
        name: its description, such as `protocol_version`.
        text: the same with side, level and meaning.
    """

    side: Side
    name: str
    text: str
    is_fatal: bool
    frame: int


@dataclass(slots=True)
class TlsDecrypted:
    """Data was decrypted, with secrets from a key log; said once."""


@dataclass(slots=True)
class TlsRenegotiated:
    """A further handshake began, which was decrypted."""


@dataclass(slots=True)
class CertificatesShown:
    """A side showed certificates after those of its handshake, its own first."""

    side: Side
    chain: Sequence[Certificate]
    frame: int


@dataclass(slots=True)
class ClientCertificateAdvanced:
    """After the handshake, the client was asked for a certificate, or answered."""

    step: ClientCertificate
