"""Makes large captures for benchmarks out of the small real ones in tests/data.

Mail is real: each session is a copy of a captured one with another client and
another time. What surrounds it is made up: connections on port 443 and DNS.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from captures import open_capture

DATA = Path(__file__).parent.parent / "data"

# An ordinary mix: relay, submission and access, about a third of it encrypted.
TEMPLATES = (
    "smtp-relay-plain",
    "smtp-relay-starttls",
    "smtp-two-messages",
    "smtp-attachments",
    "smtp-auth-plain-failed",
    "smtp-submission-starttls-tls12",
    "smtp-submission-starttls-tls13",
    "smtp-implicit-tls",
    "imap-login-plain",
    "imap-mbsync",
    "imap-starttls",
    "imap-implicit-tls",
    "pop3-user-pass",
    "pop3-leave-on-server",
    "pop3-stls",
    "pop3-implicit-tls",
)
ENCRYPTED_TEMPLATES = (
    "smtp-submission-starttls-tls13",
    "smtp-implicit-tls",
    "imap-implicit-tls",
    "pop3-implicit-tls",
)

_PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
_RECORD_BYTES = 16
_ETHERNET_IPV4 = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0"
_START_S = 1_750_000_000
# sessions that run at the same time
_CONCURRENT = 200
# offsets behind an Ethernet header, by EtherType: the last four bytes of the source
# and the destination address, the source and the destination port
_FIELDS = {b"\x08\x00": (26, 30, 34, 36), b"\x86\xdd": (34, 50, 54, 56)}
_ETHERTYPE = slice(12, 14)


@dataclass(slots=True)
class Packets:
    """Packets as one buffer with columns: offset, length and time in µs."""

    buffer: npt.NDArray[np.uint8]
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    time_us: npt.NDArray[np.int64]


def mail(sessions: int, seed: int = 1, names: tuple[str, ...] = TEMPLATES) -> Packets:
    """Packets of `sessions` real mail sessions, some hundred at the same time."""
    templates = [_template(name) for name in names]
    counts = np.full(len(templates), sessions // len(templates))
    counts[: sessions % len(templates)] += 1
    span_us = max(int(t.time_us[-1]) for t in templates) * sessions // _CONCURRENT
    random = np.random.default_rng(seed)
    parts, first = [], 0
    for template, count in zip(templates, counts.tolist(), strict=True):
        clients = np.arange(first, first + count)
        starts = np.sort(random.integers(0, span_us + 1, count))
        parts.append(_copies(template, clients, starts))
        first += count
    return _joined(parts)


def other(packets: int, payload_bytes: int, span_us: int, seed: int = 2) -> Packets:
    """Packets that are not mail: long connections on port 443, and some DNS."""
    random = np.random.default_rng(seed)
    parts = []
    per_connection = 100
    connections = packets // (per_connection + 4)
    for first in range(0, connections, 512):
        count = min(512, connections - first)
        template = _web_template(random, per_connection, payload_bytes)
        clients = np.arange(first, first + count) + (1 << 20)
        starts = np.sort(random.integers(0, max(span_us, 1), count))
        parts.append(_copies(template, clients, starts))
    return _joined(parts)


def write_pcap(path: Path, parts: list[Packets]) -> int:
    """Write packets in time order; return how many there are."""
    packets = _joined(parts)
    order = np.argsort(packets.time_us, kind="stable")
    header = np.zeros((len(order), 4), dtype="<u4")
    header[:, 0] = packets.time_us[order] // 1_000_000 + _START_S
    header[:, 1] = packets.time_us[order] % 1_000_000
    header[:, 2] = header[:, 3] = packets.length[order]
    view = packets.buffer.data
    headers = header.tobytes()
    ends = (packets.offset + packets.length)[order].tolist()
    with path.open("wb") as file:
        file.write(_PCAP_HEADER)
        for number, (start, end) in enumerate(
            zip(packets.offset[order].tolist(), ends, strict=True)
        ):
            at = number * _RECORD_BYTES
            file.write(headers[at : at + _RECORD_BYTES])
            file.write(view[start:end])
    return len(order)


def _template(name: str) -> Packets:
    """One captured session; its times begin at 0."""
    with open_capture(DATA / f"{name}.pcap") as reader:
        batches = [
            Packets(
                batch.buffer.copy(),
                batch.offset,
                batch.captured_length.astype(np.int64),
                batch.time_ns // 1000,
            )
            for batch in reader
        ]
    packets = _joined(batches)
    # without the 16 bytes of headers between them, a packet begins at offset 0
    starts = packets.offset.tolist()
    frames = [
        packets.buffer[at : at + size]
        for at, size in zip(starts, packets.length.tolist(), strict=True)
    ]
    return Packets(
        np.concatenate(frames),
        np.cumsum(packets.length) - packets.length,
        packets.length,
        packets.time_us - packets.time_us[0],
    )


def _web_template(
    random: np.random.Generator, segments: int, payload_bytes: int
) -> Packets:
    """A connection on port 443: handshake, data both ways, end."""
    frames, sequence = [], [1000, 5000]
    for number in range(segments + 4):
        sender = int(number in (1, 3)) if number < 4 else int(number % 4 != 0)
        flags = {0: 0x02, 1: 0x12}.get(number, 0x18)
        size = 0 if number < 4 else payload_bytes if sender else payload_bytes // 4
        payload = random.bytes(size)
        ends = (0x0A000001, 0xC6336401)
        ports = (40_000, 443)
        tcp = struct.pack(
            ">HHIIBBHHH",
            ports[sender],
            ports[1 - sender],
            sequence[sender],
            sequence[1 - sender],
            0x50,
            flags,
            65_535,
            0,
            0,
        )
        sequence[sender] += len(payload) + (flags & 0x02 != 0)
        ip = struct.pack(
            ">BBHHHBBHII",
            0x45,
            0,
            40 + len(payload),
            0,
            0x4000,
            64,
            6,
            0,
            ends[sender],
            ends[1 - sender],
        )
        frames.append(_ETHERNET_IPV4 + ip + tcp + payload)
    length = np.array([len(frame) for frame in frames], dtype=np.int64)
    buffer = np.frombuffer(b"".join(frames), dtype=np.uint8).copy()
    times = np.arange(len(frames), dtype=np.int64) * 20_000
    return Packets(buffer, np.cumsum(length) - length, length, times)


def _copies(
    template: Packets,
    clients: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
) -> Packets:
    """Copies of a session with other clients, beginning at other times."""
    copies, size = len(clients), template.buffer.size
    buffer = np.tile(template.buffer, (copies, 1))
    fields = _FIELDS[bytes(template.buffer[_ETHERTYPE])]
    source, destination, source_port, destination_port = fields
    client = bytes(template.buffer[source : source + 4])
    addresses = (0x0A00_0000 + clients // 20_000).astype(">u4").view(np.uint8)
    ports = (20_000 + clients % 20_000).astype(">u2").view(np.uint8)
    for offset in template.offset.tolist():
        from_client = bytes(template.buffer[offset + source :][:4]) == client
        address_at = offset + (source if from_client else destination)
        port_at = offset + (source_port if from_client else destination_port)
        buffer[:, address_at : address_at + 4] = addresses.reshape(copies, 4)
        buffer[:, port_at : port_at + 2] = ports.reshape(copies, 2)
    bases = np.arange(copies, dtype=np.int64)[:, None] * size
    return Packets(
        buffer.ravel(),
        (template.offset[None, :] + bases).ravel(),
        np.tile(template.length, copies),
        (template.time_us[None, :] + starts[:, None]).ravel(),
    )


def _joined(parts: list[Packets]) -> Packets:
    sizes = np.cumsum([0, *(part.buffer.size for part in parts[:-1])])
    return Packets(
        np.concatenate([part.buffer for part in parts]),
        np.concatenate(
            [part.offset + base for part, base in zip(parts, sizes, strict=True)]
        ),
        np.concatenate([part.length for part in parts]),
        np.concatenate([part.time_us for part in parts]),
    )
