"""ClientHello and ServerHello (RFC 8446 §4.1, RFC 5246 §7.4.1).

An extension that can't be read is noted; the rest of the hello still counts. Text
from hellos is escaped: a name may hold any byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dissectors.caching import cache_short
from dissectors.tls.handshake.structs import (
    LONGEST_CACHED,
    MalformedStructError,
    StructReader,
    read_uint16s,
)
from dissectors.tls.registries import extensions
from dissectors.tls.registries.grease import GREASE
from dissectors.tls.registries.versions import is_tls_1_3

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOST_NAME = 0
_SSLV2_SERVER_HELLO = 4
_RANDOM_BYTES = 32

# RFC 8446 §4.1.3: SHA-256 of "HelloRetryRequest"
_HELLO_RETRY_REQUEST_RANDOM = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)


@dataclass(slots=True)
class ClientHello:
    """What a ClientHello offers, in the order of the wire, GREASE included.

    Attributes:
        random: 32 bytes, or as many as an SSL 2.0 challenge has.
        session_id: of a session that the client would resume; may be made up.
        is_sslv2: it came in the format of SSL 2.0, which has no extensions.
        sni: the host name, escaped.
        alpn_protocols: what the client offers.
        key_share_groups: groups for which it sends a key share.
        ticket: by which it would resume a session (RFC 5077); empty if by none.
        malformed: what could not be read of the extensions.
    """

    legacy_version: int
    cipher_suites: tuple[int, ...]
    extensions: tuple[int, ...] = ()
    random: bytes = b""
    session_id: bytes = b""
    is_sslv2: bool = False
    sni: str | None = None
    alpn_protocols: tuple[bytes, ...] = ()
    supported_versions: tuple[int, ...] = ()
    supported_groups: tuple[int, ...] = ()
    ec_point_formats: bytes = b""
    signature_algorithms: tuple[int, ...] = ()
    key_share_groups: tuple[int, ...] = ()
    ticket: bytes = b""
    malformed: str | None = None

    @property
    def alpn(self) -> bytes:
        """The first protocol that the client offers; empty if it offers none."""
        return self.alpn_protocols[0] if self.alpn_protocols else b""

    @property
    def uses_grease(self) -> bool:
        """Reserved values are among what the client offers (RFC 8701)."""
        lists = (
            self.cipher_suites,
            self.extensions,
            self.supported_groups,
            self.supported_versions,
            self.signature_algorithms,
        )
        return any(not GREASE.isdisjoint(numbers) for numbers in lists)

    @property
    def highest_version(self) -> int:
        """The highest version that the client offers (RFC 8446 §4.2.1)."""
        if not self.supported_versions:
            return self.legacy_version
        offered = [known for known in self.supported_versions if known not in GREASE]
        return max(offered, default=self.legacy_version)


@dataclass(slots=True)
class ServerHello:
    """What the server chose.

    Attributes:
        random: 32 bytes.
        session_id: a resumed session's, or a new one's; TLS 1.3 echoes the client's.
        group: the group of the key share, or the one that is asked for (TLS 1.3).
        compression_method: of TLS (RFC 3749); 0 is none.
        alpn: the protocol that the server chose, escaped.
        malformed: what could not be read of the extensions.
    """

    legacy_version: int
    cipher_suite: int
    extensions: tuple[int, ...] = ()
    random: bytes = b""
    session_id: bytes = b""
    compression_method: int = 0
    selected_version: int | None = None
    group: int | None = None
    alpn: str | None = None
    malformed: str | None = None

    @property
    def version(self) -> int:
        """The negotiated version."""
        return self.selected_version or self.legacy_version

    @property
    def is_retry_request(self) -> bool:
        """It is a HelloRetryRequest, not the final choice."""
        return self.random == _HELLO_RETRY_REQUEST_RANDOM

    @property
    def is_tls_1_3(self) -> bool:
        """From here on the handshake is encrypted."""
        return is_tls_1_3(self.version)


_cached = partial(cache_short, longest=LONGEST_CACHED)
_Read = Callable[[bytes], tuple[Any, bool]]
_Reader = tuple[str, _Read]


def read_client_hello(body: bytes) -> ClientHello:
    """Read the body of a ClientHello message.

    Raises:
        MalformedStructError: it is no ClientHello.
    """
    reader = StructReader(body)
    legacy_version = reader.uint(2)
    random = reader.take(_RANDOM_BYTES)
    session_id = reader.vector(1)
    cipher_suites = read_uint16s(reader.vector(2))
    reader.vector(1)  # legacy_compression_methods
    hello = ClientHello(legacy_version, cipher_suites, (), random, session_id)
    hello.extensions, hello.malformed = _read_extensions(
        reader, hello, _CLIENT_EXTENSIONS
    )
    return hello


def read_sslv2_client_hello(body: bytes) -> ClientHello:
    """Read an SSLv2-compatible ClientHello (RFC 5246 Appendix E.2).

    Raises:
        MalformedStructError: it is no such hello.
    """
    reader = StructReader(body)
    if reader.uint(1) != 1:
        message = "not a client hello"
        raise MalformedStructError(message)
    version = reader.uint(2)
    lengths = [reader.uint(2) for _ in ("ciphers", "session id", "challenge")]
    cipher_specs = StructReader(reader.take(lengths[0]))
    session_id = reader.take(lengths[1])
    # RFC 5246 Appendix E.2: the challenge is the random, with zeros in front
    random = reader.take(lengths[2])[-_RANDOM_BYTES:].rjust(_RANDOM_BYTES, b"\0")
    reader.finish()
    suites = []
    while not cipher_specs.at_end:
        suites.append(cipher_specs.uint(3))
    return ClientHello(version, tuple(suites), (), random, session_id, is_sslv2=True)


def read_server_hello(body: bytes) -> ServerHello:
    """Read the body of a ServerHello or HelloRetryRequest message.

    Raises:
        MalformedStructError: it is no ServerHello.
    """
    reader = StructReader(body)
    legacy_version = reader.uint(2)
    random = reader.take(_RANDOM_BYTES)
    session_id = reader.vector(1)
    cipher_suite = reader.uint(2)
    method = reader.uint(1)
    hello = ServerHello(legacy_version, cipher_suite, (), random, session_id, method)
    hello.extensions, hello.malformed = _read_extensions(
        reader, hello, _SERVER_EXTENSIONS
    )
    return hello


def read_sslv2_server_hello(body: bytes) -> bytes:
    """Read the ServerHello of SSL 2.0; return its certificate, empty if it has none.

    Raises:
        MalformedStructError: it is no such hello.
    """
    reader = StructReader(body)
    if reader.uint(1) != _SSLV2_SERVER_HELLO:
        message = "not a server hello"
        raise MalformedStructError(message)
    reader.take(2)  # session hit, type of the certificate
    reader.uint(2)  # version
    lengths = [reader.uint(2) for _ in ("certificate", "ciphers", "connection id")]
    certificate = reader.take(lengths[0])
    reader.take(lengths[1] + lengths[2])
    reader.finish()
    return certificate


def read_encrypted_extensions(body: bytes) -> ServerHello:
    """Read the body of EncryptedExtensions (RFC 8446 §4.3.1).

    Returns:
        A hello that holds nothing but these extensions.

    Raises:
        MalformedStructError: they can't be read.
    """
    hello = ServerHello(0, 0)
    reader = StructReader(body)
    hello.extensions, hello.malformed = _read_extensions(
        reader, hello, _SERVER_EXTENSIONS
    )
    return hello


def escape(text: str) -> str:
    """Write text that a peer chose in printable ASCII, with backslash escapes."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return text.encode("unicode_escape").decode("ascii")


def _read_extensions(
    reader: StructReader,
    hello: ClientHello | ServerHello,
    readers: Mapping[int, _Reader],
) -> tuple[tuple[int, ...], str | None]:
    """Read the extensions up to the end of the hello.

    Returns:
        Their numbers, as far as they can be read, and what is odd about them.
    """
    numbers: list[int] = []
    malformed = None
    try:
        # RFC 5246 §7.4.1.2: they may be absent altogether
        block = StructReader(b"" if reader.at_end else reader.vector(2))
        reader.finish()
        for number, data in block.extensions():
            numbers.append(number)
            known = readers.get(number)
            if known is not None and not _read_extension(hello, known, data):
                malformed = f"extension {number}"
    except MalformedStructError as error:
        malformed = f"extensions: {error}"
    return tuple(numbers), malformed


def _read_extension(
    hello: ClientHello | ServerHello, reader: _Reader, data: bytes
) -> bool:
    """Fill in what an extension says; whether it could be read to its end."""
    attribute, read = reader
    try:
        value, is_whole = read(data)
    except MalformedStructError:
        return False
    if value is not None:
        setattr(hello, attribute, value)
    return is_whole


@_cached
def _read_server_name(data: bytes) -> tuple[str | None, bool]:
    # RFC 6066 §3: one name per type; host names are the only type there is
    host = None
    reader = StructReader(data)
    try:
        names = StructReader(reader.vector(2))
        while not names.at_end:
            name_type = names.uint(1)
            name = names.vector(2)
            if name_type == _HOST_NAME and host is None:
                host = escape(name.decode("latin-1"))
    except MalformedStructError:
        # what was read counts, whatever follows
        return host, False
    return host, reader.at_end


@_cached
def _read_offered_protocols(data: bytes) -> tuple[tuple[bytes, ...], bool]:
    offered: list[bytes] = []
    reader = StructReader(data)
    try:
        protocols = StructReader(reader.vector(2))
        while not protocols.at_end:
            offered.append(protocols.vector(1))
    except MalformedStructError:
        return tuple(offered), False
    return tuple(offered), reader.at_end


@_cached
def _read_short_numbers(data: bytes) -> tuple[tuple[int, ...], bool]:
    reader = StructReader(data)
    return read_uint16s(reader.vector(1)), reader.at_end


@_cached
def _read_numbers(data: bytes) -> tuple[tuple[int, ...], bool]:
    reader = StructReader(data)
    return read_uint16s(reader.vector(2)), reader.at_end


@_cached
def _read_bytes(data: bytes) -> tuple[bytes, bool]:
    reader = StructReader(data)
    return reader.vector(1), reader.at_end


def _read_ticket(data: bytes) -> tuple[bytes, bool]:
    # RFC 5077 §3.2: empty if the client only wants one
    return data, True


def _read_key_shares(data: bytes) -> tuple[tuple[int, ...], bool]:
    reader = StructReader(data)
    shares = StructReader(reader.vector(2))
    groups = []
    while not shares.at_end:
        groups.append(shares.uint(2))
        shares.vector(2)
    return tuple(groups), reader.at_end


def _read_selected_group(data: bytes) -> tuple[int, bool]:
    # RFC 8446 §4.2.8: a HelloRetryRequest names the group alone
    reader = StructReader(data)
    group = reader.uint(2)
    if not reader.at_end:
        reader.vector(2)
    return group, reader.at_end


@_cached
def _read_selected_protocol(data: bytes) -> tuple[str, bool]:
    # RFC 7301 §3.1: exactly one
    reader = StructReader(data)
    protocols = StructReader(reader.vector(2))
    protocol = escape(protocols.vector(1).decode("latin-1"))
    return protocol, protocols.at_end and reader.at_end


def _read_selected_version(data: bytes) -> tuple[int, bool]:
    reader = StructReader(data)
    return reader.uint(2), reader.at_end


# by number: what an extension fills in, and how it is read
_CLIENT_EXTENSIONS: dict[int, _Reader] = {
    extensions.SERVER_NAME: ("sni", _read_server_name),
    extensions.SUPPORTED_GROUPS: ("supported_groups", _read_numbers),
    extensions.EC_POINT_FORMATS: ("ec_point_formats", _read_bytes),
    extensions.SIGNATURE_ALGORITHMS: ("signature_algorithms", _read_numbers),
    extensions.ALPN: ("alpn_protocols", _read_offered_protocols),
    extensions.SESSION_TICKET: ("ticket", _read_ticket),
    extensions.SUPPORTED_VERSIONS: ("supported_versions", _read_short_numbers),
    extensions.KEY_SHARE: ("key_share_groups", _read_key_shares),
}

_SERVER_EXTENSIONS: dict[int, _Reader] = {
    extensions.ALPN: ("alpn", _read_selected_protocol),
    extensions.SUPPORTED_VERSIONS: ("selected_version", _read_selected_version),
    extensions.KEY_SHARE: ("group", _read_selected_group),
}
