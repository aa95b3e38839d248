from __future__ import annotations

import struct

import pytest

from captures.files.unknown import describe


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"snoop\0\0\0\0\0\0\x02", "snoop"),
        (b"RTSS\x01\x01", "Network Monitor 1"),
        (b"GMBU\0\x02", "Network Monitor 2"),
        (b"XCP\0002.00", "NetXRay"),
        (b"iptrace 2.0\n", "iptrace"),
    ],
)
def test_other_captures_are_named_with_a_way_to_convert_them(
    head: bytes, what: str
) -> None:
    reason = describe(head)
    assert what in reason
    assert "editcap -F pcapng" in reason


def test_erf_is_recognised_by_its_first_record() -> None:
    record = struct.pack("<QBB", 1_700_000_000 << 32, 2, 4)
    record += struct.pack(">HHH", 16 + 2 + 60, 0, 60)
    assert "ERF" in describe(record + bytes(60))
    assert "ERF" not in describe(bytes(16) + bytes(60))
    assert "ERF" not in describe(b"\0" * 15)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04\x14\0", "ZIP"),
        (b"BZh91AY", "bzip2"),
        (bytes(257) + b"ustar\0", "tar"),
    ],
)
def test_archives_are_to_be_unpacked(head: bytes, what: str) -> None:
    reason = describe(head)
    assert what in reason
    assert "unpack" in reason


@pytest.mark.parametrize("head", [b"\x7fELF\x02\x01", b"%PDF-1.7", b"\x89PNG\r\n"])
def test_files_without_traffic_are_named(head: bytes) -> None:
    assert "no network traffic" in describe(head)


@pytest.mark.parametrize(
    "head", [b"<!DOCTYPE html><html>", b"\n <HTML lang=en>", b"<?xml version"]
)
def test_web_page_is_recognised(head: bytes) -> None:
    assert "web page" in describe(head)


@pytest.mark.parametrize("head", [b"a\tb\r\n", b"Gr\xc3\xbc\xc3\x9fe\n", b"x"])
def test_text_is_recognised(head: bytes) -> None:
    assert "this is text" in describe(head)


@pytest.mark.parametrize(
    "head", [b"\xd4\xc3\xb2\xa1\x02\0", b"\xa1\xb2\x3c\x4d", b"\n\r\n\r\n\0"]
)
def test_spoilt_captures_are_to_be_copied_again(head: bytes) -> None:
    assert "copy it again" in describe(head)


def test_unknown_bytes_are_said_to_be_unknown() -> None:
    assert "no capture format that mailtap knows" in describe(b"\0\x01\x02\x03" * 20)
