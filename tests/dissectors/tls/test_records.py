"""The record layer: detection, and records cut in any way."""

from __future__ import annotations

import pytest

from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls
from dissectors.tls.records import TlsRecordReader
from dissectors.tls.registries.content_types import ContentType
from tests.support.tls.wire import CLIENT_HELLO, record

SSLV2_HELLO_PREFIX = b"\x80\x2e\x01\x03\x01"


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        (b"", None),
        (b"\x16", None),
        (b"\x16\x03\x01\x02", None),
        (b"\x16\x03\x01\x02\x00", True),
        (b"\x17\x03\x03\x00\x50", True),
        (b"\x16\x03\x01\x00\x00", False),
        (b"\x16\x03\x01\x50\x00", False),
        (b"\x16\x03\x09", False),
        (b"\x16\x02", False),
        (b"E", False),
        (b"* OK ", False),
        (SSLV2_HELLO_PREFIX, True),
        (b"\x80\x2e\x01\x00\x02", True),
        (SSLV2_HELLO_PREFIX[:4], None),
        (b"\x80\x2e\x01\x07\x01", False),
        (b"\x80\x05\x01\x03\x01", False),
        (b"\xc3\xa4h", False),
    ],
)
def test_prefix_is_told_from_text(prefix: bytes, expected: bool | None) -> None:
    assert looks_like_tls(prefix) is expected
    assert looks_like_tls(bytearray(prefix)) is expected


def test_prefix_bytes_suffice_to_decide() -> None:
    assert looks_like_tls(CLIENT_HELLO[:TLS_PREFIX_BYTES]) is True


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_records_are_read_in_pieces_of_any_size(size: int) -> None:
    stream = record(22, b"abc") + record(20, b"\1") + record(22, b"") + record(24, b"x")
    reader = TlsRecordReader()
    bodies: list[tuple[int, bytes]] = []
    for start in range(0, len(stream), size):
        for fragment in reader.read(stream[start : start + size]):
            if fragment.is_first:
                bodies.append((fragment.content_type, b""))
            bodies[-1] = (fragment.content_type, bodies[-1][1] + fragment.data)
    assert [body for body in bodies if body[1]] == [
        (22, b"abc"),
        (20, b"\1"),
        (24, b"x"),
    ]
    assert not reader.is_invalid


def test_sslv2_hello_is_a_record_only_at_the_start() -> None:
    reader = TlsRecordReader()
    fragments = list(reader.read(b"\x80\x03abc" + record(22, b"x") + b"\x80\x03abc"))
    assert [each.content_type for each in fragments] == [
        ContentType.SSLV2_HELLO,
        ContentType.HANDSHAKE,
    ]
    assert reader.is_invalid


@pytest.mark.parametrize("header", [b"HELO mx", b"\x16\x04\x01\0\1", b"\x16\3\1\xff\0"])
def test_offset_is_that_of_the_invalid_header(header: bytes) -> None:
    reader = TlsRecordReader(offset=100)
    list(reader.read(record(22, b"abc") + header))
    assert reader.is_invalid
    assert reader.offset == 108


def test_gap_inside_a_record_keeps_the_boundary() -> None:
    reader = TlsRecordReader()
    first, second = record(22, b"abcdef"), record(22, b"second")
    list(reader.read(first[:7]))
    assert reader.skip(3)
    assert [each.data for each in reader.read(first[-1:] + second)] == [b"f", b"second"]


def test_gap_beyond_a_record_loses_the_boundary() -> None:
    reader = TlsRecordReader()
    list(reader.read(record(22, b"abcdef")[:7]))
    assert not reader.skip(5)
