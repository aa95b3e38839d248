"""The header of the PROXY protocol, which a proxy sends before the client's bytes.

It names the true client, in a line of text (version 1) or in binary (version 2).
Source: HAProxy, The PROXY protocol, versions 1 and 2, section 2. Its addresses are
kept until they are read; what a proxy tells besides is passed over.
"""

from __future__ import annotations

import enum
import ipaddress
import re
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LINE_START = b"PROXY "
# what the two begin with, for those who look at four bytes
BEGINNINGS = (SIGNATURE[:4], LINE_START[:4])

# version and command, family and transport, length of what follows
_HEADER = struct.Struct(">BBH")
_HEADER_BYTES = len(SIGNATURE) + _HEADER.size
# section 2.1: the longest line, with its end
_LONGEST_LINE = 107
# addresses are 216 bytes at most (section 2.2, AF_UNIX)
_MOST_KEPT = _HEADER_BYTES + 216

_LINE_VERSION = 1
_VERSION_2 = 0x20
_LOCAL, _PROXY = 0, 1
# address family (the upper half of the byte), and how long its addresses are
_ADDRESS_BYTES = {0x00: 0, 0x10: 4, 0x20: 16, 0x30: 108}
_UNSPECIFIED, _UNIX = 0x00, 0x30
_MOST_TRANSPORT = 2
_LINE = re.compile(
    rb"PROXY (TCP[46]) ([0-9A-Fa-f.:]{2,39}) ([0-9A-Fa-f.:]{2,39}) "
    rb"(\d{1,5}) (\d{1,5})\r\n"
)
_UNKNOWN_LINE = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")
_MAX_PORT = 0xFFFF
# the words of a line that any server may say
PROXY_WORDS = ("PROXY", "TCP4", "TCP6", "UNKNOWN")


class HeaderState(enum.Enum):
    """How far the header was read."""

    OPEN = enum.auto()
    ABSENT = enum.auto()
    READ = enum.auto()
    MALFORMED = enum.auto()


class ProxyHeaderReader:
    """Reads the header, if there is one, off the first bytes of a stream.

    Attributes:
        state: how far it came.
        version: 1 if it is a line, 2 if it is binary; 0 as long as there may be none.
        attributes: what it tells, as `NAME=value`, by the names of XCLIENT.
        length: bytes that it took so far.
        untold: the line, if nobody knows what it tells.
    """

    __slots__ = (
        "_kept",
        "_left",
        "attributes",
        "length",
        "state",
        "untold",
        "version",
    )

    def __init__(self) -> None:
        self.state = HeaderState.OPEN
        self.version = 0
        self.attributes: list[str] = []
        self.length = 0
        self.untold = b""
        self._kept = bytearray()
        # bytes to come; a line ends where it ends
        self._left = 0

    @property
    def is_begun(self) -> bool:
        """There is a header, though it may not be complete."""
        return self.version > 0

    @property
    def held(self) -> int:
        """Bytes that it took, or keeps until it is known what they are."""
        return self.length or len(self._kept)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return those that are none of the header's."""
        if self.length == 0:
            data = bytes(self._kept) + data
            self._kept.clear()
            if not self._begin(data):
                return data if self.state is HeaderState.ABSENT else b""
        if self.version == _LINE_VERSION:
            line_end = data.find(b"\n") + 1
            end, is_over = line_end or len(data), line_end > 0
        else:
            end, is_over = min(self._left, len(data)), self._left <= len(data)
            self._left -= end
        self._kept += data[: min(end, _MOST_KEPT - len(self._kept))]
        self.length += end
        if is_over:
            self._end()
        return data[end:]

    def skip(self, length: int) -> int:
        """Pass over missing bytes; return how many of them are behind the header."""
        skipped = 0 if self.version == _LINE_VERSION else min(length, self._left)
        self._left -= skipped
        self.length += skipped
        if not self._left:
            # what it said is lost, with its end
            self.state = HeaderState.READ
        self._kept.clear()
        return length - skipped

    def give_up(self) -> bytes:
        """Learn that nothing follows; return what turns out to be no header."""
        rest = b"" if self.length else bytes(self._kept)
        self.state = HeaderState.READ if self.length else HeaderState.ABSENT
        return rest

    def _begin(self, start: bytes) -> bool:
        """Tell from the first bytes whether there is a header, and how long it is."""
        if SIGNATURE.startswith(start[: len(SIGNATURE)]):
            self.version = 2 if len(start) >= len(SIGNATURE) else 0
            if len(start) >= _HEADER_BYTES:
                *_, length = _HEADER.unpack_from(start, len(SIGNATURE))
                self._left = _HEADER_BYTES + length
                return True
        elif LINE_START.startswith(start[: len(LINE_START)]):
            if len(start) >= len(LINE_START):
                self.version = _LINE_VERSION
                return True
        else:
            self.state = HeaderState.ABSENT
            return False
        self._kept += start
        return False

    def _end(self) -> None:
        header = bytes(self._kept)
        told = None
        if self.version != _LINE_VERSION:
            told = _read_binary(header)
        elif self.length <= _LONGEST_LINE:
            told = _read_line(header)
        self.state = HeaderState.MALFORMED if told is None else HeaderState.READ
        self.attributes = told or []
        self.untold = header if self.version == _LINE_VERSION and not told else b""
        self._kept.clear()


def _read_line(line: bytes) -> list[str] | None:
    """Read version 1: what it tells; `None` if it is malformed."""
    if _UNKNOWN_LINE.fullmatch(line):
        return []
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    family, *texts = (each.decode() for each in match.groups())
    ports = [int(text) for text in texts[2:]]
    try:
        source, destination = (ipaddress.ip_address(text) for text in texts[:2])
    except ValueError:
        return None
    is_fit = {source.version, destination.version} == {int(family[3])}
    if not is_fit or max(ports) > _MAX_PORT:
        return None
    return _described(source, destination, *ports)


def _read_binary(header: bytes) -> list[str] | None:
    """Read version 2, of which the addresses at least are there."""
    command, protocol, length = _HEADER.unpack_from(header, len(SIGNATURE))
    family, transport = protocol & 0xF0, protocol & 0x0F
    size = _ADDRESS_BYTES.get(family)
    if command & 0xF0 != _VERSION_2 or command & 0x0F not in (_LOCAL, _PROXY):
        return None
    if command & 0x0F == _LOCAL:
        # a check by the proxy itself; what follows is to be ignored
        return []
    if size is None or transport > _MOST_TRANSPORT:
        return None
    port_bytes = 0 if family in (_UNSPECIFIED, _UNIX) else 4
    if length < 2 * size + port_bytes:
        return None
    if not port_bytes:
        return []
    addresses = header[_HEADER_BYTES : _HEADER_BYTES + 2 * size + port_bytes]
    source, destination = addresses[:size], addresses[size : 2 * size]
    ports = struct.unpack(">HH", addresses[2 * size :])
    return _described(
        ipaddress.ip_address(source), ipaddress.ip_address(destination), *ports
    )


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _described(
    source: _Address, destination: _Address, source_port: int, destination_port: int
) -> list[str]:
    return [
        f"ADDR={source}",
        f"PORT={source_port}",
        f"DESTADDR={destination}",
        f"DESTPORT={destination_port}",
    ]
